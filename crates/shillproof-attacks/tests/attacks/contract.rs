//! One table drives the contract: the catalogue with what each entry says about itself.

use shillproof_attacks::{
    Affinity, AttackSpec, BandwagonAttack, CovisAttack, Form, LokiAttack, Nearness, OuterExclude, PgaAttack,
    PopularAttack, Popularity, PowerUserAttack, Prior, Project, Proxies, Pulls, RandomAttack, RapuGAttack,
    RapuRAttack, RevAdvAttack, SAttack, SegmentAttack, Selection, SgldAttack, Shape, TrainOn, UniformAttack,
    Users, Variant, WeightScale, WeightingAttack, bilevel, loki::Learning, mf, pga,
};
use shillproof_core::Victim;
use shillproof_core::catalogue::Catalogue;
use shillproof_testkit::contracts::attack::{Expect, check};
use shillproof_victims::{Als, Fpmc, VictimSpec, Wrmf};

/// Small copies of the customary victims.
fn recipe(explicit: bool) -> Box<dyn Victim> {
    if explicit {
        Box::new(Als { factors: 3, ..Als::default() })
    } else {
        Box::new(Wrmf { factors: 3, ..Wrmf::default() })
    }
}

/// An attack that iterates does so a few times here: the contract runs it a thousand times.
fn short(spec: AttackSpec) -> AttackSpec {
    match spec {
        AttackSpec::Pga(attack) => AttackSpec::Pga(PgaAttack { iterations: 2, ..attack }),
        AttackSpec::Sgld(attack) => AttackSpec::Sgld(SgldAttack { iterations: 2, ..attack }),
        AttackSpec::SAttack(attack) => AttackSpec::SAttack(SAttack { iterations: 1, batch: 3, ..attack }),
        AttackSpec::Weighting(attack) => {
            AttackSpec::Weighting(WeightingAttack { iterations: 1, batch: 3, ..attack })
        }
        AttackSpec::RevAdv(attack) => {
            AttackSpec::RevAdv(RevAdvAttack { iterations: 1, epochs: 3, unroll: 2, ..attack })
        }
        AttackSpec::RapuG(attack) => {
            AttackSpec::RapuG(RapuGAttack { iterations: 1, epochs: 3, unroll: 2, pgm_epochs: 1, ..attack })
        }
        AttackSpec::RapuR(attack) => AttackSpec::RapuR(RapuRAttack { epochs: 3, ..attack }),
        AttackSpec::Loki(attack) => AttackSpec::Loki(LokiAttack {
            models: vec![VictimSpec::Fpmc(Fpmc {
                factors: 3,
                epochs: 1,
                batch_size: 4096,
                ..Fpmc::default()
            })],
            most_queries: 4,
            depth: 3,
            repeats: 1,
            batch_size: 8,
            groups: 4,
            agent: Learning { episodes: 2, batch_size: 4, ..Learning::default() },
            ..attack
        }),
        other => other,
    }
}

#[test]
fn every_attack_keeps_the_contract() {
    let mut table: Vec<AttackSpec> = AttackSpec::all().into_iter().map(short).collect();
    table.extend([
        AttackSpec::Bandwagon(BandwagonAttack { popularity: Popularity::MeanRating, ..Default::default() }),
        AttackSpec::Popular(PopularAttack {
            variant: Variant::Alternating,
            popular_fraction: "60%".parse().unwrap(),
            ..Default::default()
        }),
        AttackSpec::Popular(PopularAttack {
            variant: Variant::Pairs,
            popular_fraction: "60%".parse().unwrap(),
            ..Default::default()
        }),
        AttackSpec::Random(RandomAttack { shape: Shape::Sequence, ..Default::default() }),
        AttackSpec::Covis(CovisAttack { form: Form::Sequence, ..Default::default() }),
        AttackSpec::Uniform(UniformAttack { force_targets: true }),
        AttackSpec::Segment(SegmentAttack { affinity: Affinity::Cosine, ..Default::default() }),
        AttackSpec::PowerUser(PowerUserAttack { selection: Selection::InDegree, ..Default::default() }),
        AttackSpec::PowerUser(PowerUserAttack {
            selection: Selection::AggregatedSimilarity,
            ..Default::default()
        }),
        AttackSpec::Pga(PgaAttack {
            iterations: 2,
            force_targets: false,
            mu1: Some(1.0),
            normalise: pga::Normalise::PerCell,
            grad: mf::Mode::Coupled,
            ..Default::default()
        }),
        AttackSpec::Sgld(SgldAttack {
            iterations: 2,
            force_targets: false,
            train_on: TrainOn::Dense,
            prior: Prior::ObservedOnly,
            precondition: false,
            grad: mf::Mode::Paper,
            ..Default::default()
        }),
        AttackSpec::SAttack(SAttack {
            iterations: 2,
            batch: 4,
            list_refresh: 2,
            users: Users::Rand,
            selected_users: 20,
            skip_raters: false,
            grad: mf::Mode::Coupled,
            ..Default::default()
        }),
        AttackSpec::Weighting(WeightingAttack {
            iterations: 1,
            batch: 2,
            weight_scale: WeightScale::Literal,
            grad: mf::Mode::Paper,
            ..Default::default()
        }),
        AttackSpec::RevAdv(RevAdvAttack {
            surrogate: bilevel::Surrogate::Own,
            factors: 3,
            optimizer: bilevel::Optimizer::Sgd,
            learning_rate: 1e-4,
            batch_size: 40,
            epochs: 2,
            unroll: 2,
            iterations: 2,
            projection: Project::Threshold,
            force_targets: false,
            evaluate: bilevel::Evaluate::Previous,
            ..Default::default()
        }),
        AttackSpec::RapuG(RapuGAttack {
            surrogate: bilevel::Surrogate::Own,
            factors: 3,
            batch_size: 40,
            epochs: 3,
            unroll: 2,
            pgm_epochs: 2,
            em: bilevel::Em::Soft,
            noise_mean: None,
            outer_exclude: OuterExclude::Train,
            iterations: 2,
            ..Default::default()
        }),
        AttackSpec::RapuR(RapuRAttack {
            surrogate: bilevel::Surrogate::Own,
            factors: 3,
            epochs: 2,
            proxies: Proxies::Shared,
            targets: Pulls::Sum,
            similarity: Nearness::Cosine,
            code_bug: true,
            ..Default::default()
        }),
    ]);
    for spec in table {
        println!("{}", serde_json::to_string(&spec).unwrap());
        let can = spec.capabilities();
        let expect = Expect {
            makes_fakes: !matches!(spec, AttackSpec::None(_)),
            rates_targets: can.rates_targets,
            explicit: can.explicit,
            implicit: can.implicit,
            recipe,
        };
        check(spec.attack(), expect);
    }
}
