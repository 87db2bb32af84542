//! `shillproof craft`.

use std::sync::Arc;
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde::Serialize;
use shillproof_attacks::AttackSpec;
use shillproof_core::catalogue::Catalogue;
use shillproof_core::{Feedback, Grant, Objective, Size};
use shillproof_data::{FakeUsers, Timestamps};
use shillproof_lab::plan::Threat;
use shillproof_lab::spec::Surrogate;
use shillproof_lab::trial::{Setup, simulating};

use crate::args::{
    DataArgs, FakesOut, JsonOnly, KnowledgeArgs, Named, ProtocolArgs, TargetArgs, VictimArgs, read,
};
use crate::commands::{Fakes, Outcome};
use crate::failure::{Failure, While};
use crate::session::{Session, print_json};

/// Write fake users: an attack, crafted on your data
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  shillproof craft demo --attack bandwagon --targets random:1 --size 1% --out fakes.csv
  shillproof craft ratings.csv --attack average --targets ids:B00X4WHP5E --size 12 --out fakes.csv
  shillproof craft demo --attack probe --black-box wrmf --targets unpopular:5 --size 3% --out fakes.csv

The file has the columns user,item,rating (and position where order matters, or timestamp with
--timestamps); its users are fake-0001 and so on. `shillproof measure --fakes fakes.csv` says how far
they get. For other tools, name the output fakes.tsv, fakes.inter, fakes.json or, for a data set of
ARLib, a new folder `poison/`.")]
pub(crate) struct Craft {
    /// Known data set or file
    #[arg(value_name = "DATA")]
    data: String,
    /// The attack: `NAME` or `NAME:key=value,...` (`shillproof list attacks`)
    #[arg(long, value_name = "A")]
    attack: String,
    /// Fake users: a share of the genuine ones (`1%`) or a count (`12`)
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    size: String,
    /// Most filler items a fake user; targets come on top: a count, or a share of all items
    #[arg(long, value_name = "SIZE", default_value = "30", allow_hyphen_values = true)]
    profile_size: String,
    /// Into the lists of genuine users, or out of them
    #[arg(long, value_name = "GOAL", default_value = "promote")]
    objective: Goal,
    #[command(flatten)]
    out: FakesOut,
    /// Give fake actions times in the span of the data's own: `uniform` anywhere, `burst` all within a hundredth of it, `drip` one fake user after the other
    #[arg(long, value_name = "POLICY")]
    timestamps: Option<Timestamps>,
    /// How to print the summary
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: JsonOnly,
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    knowledge: KnowledgeArgs,
    #[command(flatten)]
    protocol: ProtocolArgs,
    #[command(flatten)]
    victim: VictimArgs,
    #[command(flatten)]
    read: DataArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Goal {
    Promote,
    Demote,
}

/// What `craft` prints.
#[derive(Serialize)]
struct Crafted {
    fakes: Fakes,
    seconds: f64,
    targets: Vec<String>,
    knowledge: String,
    queries: u64,
}

impl Craft {
    pub(crate) fn run(&self, session: &Session) -> Result<Outcome, Failure> {
        let attack = AttackSpec::from_inline(&self.attack).when("choose the attack")?;
        let size: Size = read("size", &self.size)?;
        let threat = Threat {
            targets: self.targets.rule()?,
            target: None,
            objective: match self.objective {
                Goal::Promote => Objective::Promote,
                Goal::Demote => Objective::Demote,
            },
            size,
            profile_size: read("profile-size", &self.profile_size)?,
            knowledge: self.knowledge.knowledge()?,
            black_box: self.knowledge.queries()?,
            surrogate: self.knowledge.surrogate()?.map(|believed| match believed {
                // Of an attack that simulates a black box by several, one model is the whole simulator.
                Surrogate::One(model) if attack.with_models(&[]).is_some() => {
                    Surrogate::Together { together: vec![model] }
                }
                other => other,
            }),
            target_users: self.targets.audience()?,
            exclude: self.protocol.exclude(),
            targets_clicked: true,
        };
        let split = self.protocol.split()?;
        self.out.check()?;
        self.timestamps.map_or(Ok(()), |policy| self.out.check_timed(policy))?;
        let named = self.victim.named(self.knowledge.black_box.as_deref())?;
        let dataset = Arc::new(self.read.load(&self.data, session)?);
        self.out.check_labels(&dataset)?;
        let Named { text, choice: victim } = named.unwrap_or_else(|| Named::usual(&dataset));
        if let Some(policy) = self.timestamps.filter(|_| !dataset.interactions.has_times()) {
            return Err(Failure::new(format!("--timestamps {policy}: {} has no times", dataset.name))
                .hint("give data with a `timestamp` or `position` column (`--columns` names it)"));
        }
        let fake_users = size.of(dataset.users.len());
        if fake_users == 0 && !matches!(attack, AttackSpec::None(_)) {
            let users = dataset.users.len();
            return Err(Failure::new(format!(
                "--size {size} of {users} genuine users is no fake user at all"
            ))
            .hint(format!(
                "1 fake user is {:.2}% here; a count such as `--size 1` works too",
                100.0 / users as f64
            )));
        }
        simulating(&attack, threat.surrogate.as_ref()).when("read --surrogate")?;
        let models = attack.attack().needs().victim == Grant::Recipe || attack.with_models(&[]).is_some();
        if threat.surrogate.is_some() && !models {
            session.say("this attack trains no surrogate: --surrogate changes nothing");
        }
        let ctx = session.ctx();
        let setup = Setup::new(dataset, &split, session.seed).when("split the data")?;
        let fit = || setup.fit(&victim, None, 0, CLEAN_LIST, &ctx).map(Arc::new);
        let touches = threat.black_box.is_some() || attack.attack().needs().victim == Grant::Full;
        let clean = touches.then(fit).transpose().when(format!("fit `{text}`"))?;
        let targets = setup
            .targets(&threat.targets, || clean.clone().map_or_else(fit, Ok))
            .when("select the targets")?;
        let start = Instant::now();
        let fakes = setup
            .craft(&attack, &threat, &victim, clean.as_deref(), &targets, fake_users, &ctx)
            .when(format!("craft `{}`", self.attack))?;
        let seconds = start.elapsed().as_secs_f64();
        let users = FakeUsers { targets, ..FakeUsers::new(fakes, &setup.dataset) };
        match self.timestamps {
            Some(policy) => self.out.write_timed(&users, policy, &setup.dataset, ctx.seed)?,
            None => self.out.write(&users, &setup.dataset, setup.parts(Feedback::Either))?,
        }
        print_json(&Crafted {
            fakes: Fakes::of(Some(&users.fakes)),
            seconds,
            targets: setup.labels(&users.targets),
            knowledge: threat.knowledge.to_string(),
            queries: users.fakes.queries,
        })?;
        Ok(Outcome::Done)
    }
}

/// The longest list an attacker asks for, which a `command:` victim must know beforehand.
const CLEAN_LIST: usize = 100;
