//! A victim as people name it: one of the catalogue, or a command.

use std::fmt;
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::de::value::{EnumAccessDeserializer, StringDeserializer};
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use shillproof_core::catalogue::{Card, Catalogue, CatalogueError, snake_keys};
use shillproof_core::{Ctx, Feedback, FitError, FitJob, HeldOut, Recommender, Victim};
use shillproof_data::Labels;
use shillproof_victims::VictimSpec;

use super::{CommandSpec, CommandVictim};

/// A recipe of the catalogue, or a program of the user's own. Written `als`, `als:factors=32`,
/// `command:python model.py {train} {out}`, `{ als = { factors = 32 } }` or `{ command = { run = "..." } }`.
#[derive(Clone, Debug, PartialEq, JsonSchema)]
#[schemars(with = "Spelled")]
pub enum VictimChoice {
    /// A recommender of Shillproof's own.
    Listed(VictimSpec),
    /// A program that is run for each fit.
    Command(CommandSpec),
}

/// How a choice is written down in a file.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Spelled {
    Listed(VictimSpec),
    Command { command: CommandSpec },
}

/// A choice together with the labels of the data set it runs on.
#[derive(Clone, Copy)]
pub enum BoundVictim<'a> {
    /// Needs no labels.
    Listed(&'a VictimSpec),
    /// Reads and writes labels.
    Command(CommandVictim<'a>),
}

impl VictimChoice {
    /// The recipe, ready to fit on data with these labels.
    pub fn bind<'a>(&'a self, users: &'a Labels, items: &'a Labels) -> BoundVictim<'a> {
        match self {
            Self::Listed(spec) => BoundVictim::Listed(spec),
            Self::Command(spec) => BoundVictim::Command(spec.bind(users, items)),
        }
    }
}

impl BoundVictim<'_> {
    /// The recipe itself.
    pub fn recipe(&self) -> &dyn Victim {
        match self {
            Self::Listed(spec) => spec.victim(),
            Self::Command(command) => command,
        }
    }
}

impl Victim for BoundVictim<'_> {
    fn feedback(&self) -> Feedback {
        self.recipe().feedback()
    }

    fn fit(&self, job: &FitJob<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Recommender>, FitError> {
        self.recipe().fit(job, ctx)
    }

    fn selects_on(&self) -> HeldOut {
        self.recipe().selects_on()
    }

    fn as_any(&self) -> Option<&dyn std::any::Any> {
        self.recipe().as_any()
    }
}

const COMMAND: Card = Card {
    name: "command",
    summary: "a recommender of your own: any program that reads interactions and writes lists",
    doc: include_str!("../../../../docs/victims/command.md"),
    reference: "your own",
};

impl Catalogue for VictimChoice {
    const KIND: &'static str = VictimSpec::KIND;

    fn all() -> Vec<Self> {
        let listed = VictimSpec::all().into_iter().map(Self::Listed);
        listed.chain([Self::Command(CommandSpec::default())]).collect()
    }

    fn card(&self) -> Card {
        match self {
            Self::Listed(spec) => spec.card(),
            Self::Command(_) => COMMAND,
        }
    }

    /// Everything after `command:` is the command, commas and equal signs included.
    fn from_inline(text: &str) -> Result<Self, CatalogueError> {
        match text.strip_prefix("command:") {
            Some(run) => Ok(Self::Command(CommandSpec { run: run.into(), ..CommandSpec::default() })),
            None if text == COMMAND.name => Err(CatalogueError::Parameters {
                kind: Self::KIND,
                name: COMMAND.name.into(),
                message: "there is no command".into(),
                hint: Some(
                    "write 'command:python my_model.py --train {train} --recommend {out} --k {k}'".into(),
                ),
            }),
            None => VictimSpec::from_inline(text).map(Self::Listed),
        }
    }

    fn from_named(name: &str, parameters: Value) -> Result<Self, CatalogueError> {
        if name != COMMAND.name {
            return VictimSpec::from_named(name, parameters).map(Self::Listed);
        }
        let command: Result<CommandSpec, _> = serde_json::from_value(snake_keys(parameters));
        command.map(Self::Command).map_err(|error| CatalogueError::Parameters {
            kind: Self::KIND,
            name: name.into(),
            message: error.to_string(),
            hint: Some("known: run, timeout_seconds".into()),
        })
    }
}

impl Serialize for VictimChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.clone() {
            Self::Listed(spec) => Spelled::Listed(spec),
            Self::Command(command) => Spelled::Command { command },
        }
        .serialize(serializer)
    }
}

/// All names a file may use, for messages about one that it may not.
static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(VictimChoice::names);

impl<'de> Deserialize<'de> for VictimChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_enum("VictimChoice", &NAMES, ByName)
    }
}

/// Sends `command` to [`CommandSpec`] and every other name to [`VictimSpec`], as one enum to the file's reader.
struct ByName;

impl<'de> Visitor<'de> for ByName {
    type Value = VictimChoice;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("one victim, as in `als = { factors = 32 }`")
    }

    fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<VictimChoice, A::Error> {
        let (name, body) = access.variant::<String>()?;
        if name == COMMAND.name {
            body.newtype_variant().map(VictimChoice::Command)
        } else {
            VictimSpec::deserialize(EnumAccessDeserializer::new(Named { name, body }))
                .map(VictimChoice::Listed)
        }
    }
}

/// A variant whose name has been read already.
struct Named<A> {
    name: String,
    body: A,
}

impl<'de, A: VariantAccess<'de>> EnumAccess<'de> for Named<A> {
    type Error = A::Error;
    type Variant = A;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, A), A::Error> {
        let name: StringDeserializer<A::Error> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self.body))
    }
}
