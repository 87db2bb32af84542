//! What a stopped attack need not compute again.

use serde::{Deserialize, Serialize};
use shillproof_core::{Checkpoint, Ctx};

/// Effects take the time; models, lists of the black box and the agent's steps follow from the seed once they are known, and are made again.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Progress {
    /// H⁻¹∇f of the first local models.
    directions: Vec<Vec<f64>>,
    /// What the actions of the first episodes have earned.
    rewards: Vec<Vec<f32>>,
    /// Whether rewards have come since the last time that it was saved.
    #[serde(skip)]
    unsaved: bool,
}

impl Progress {
    /// That of the context's checkpoint; nothing if there is none that can be read.
    pub(super) fn resumed(ctx: &Ctx<'_>) -> Self {
        let state = ctx.checkpoint.and_then(Checkpoint::load);
        state.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default()
    }

    fn save(&self, ctx: &Ctx<'_>) {
        if let Some(place) = ctx.checkpoint {
            place.save(&postcard::to_allocvec(self).expect("invariant: plain numbers"));
        }
    }

    /// The direction of a model of so many parameters, found now or before.
    pub(super) fn direction<E>(
        &mut self,
        model: usize,
        parameters: usize,
        ctx: &Ctx<'_>,
        find: impl FnOnce() -> Result<Vec<f64>, E>,
    ) -> Result<Vec<f64>, E> {
        match self.directions.get(model) {
            Some(known) if known.len() == parameters => Ok(known.clone()),
            _ => {
                let found = find()?;
                if ctx.checkpoint.is_some() {
                    self.directions.truncate(model);
                    self.directions.push(found.clone());
                    self.save(ctx);
                }
                Ok(found)
            }
        }
    }

    /// The rewards of an episode of so many actions, found now or before.
    pub(super) fn rewards(
        &mut self,
        episode: usize,
        actions: usize,
        find: impl FnOnce() -> Vec<f32>,
    ) -> Vec<f32> {
        match self.rewards.get(episode) {
            Some(known) if known.len() == actions => known.clone(),
            _ => {
                let found = find();
                self.rewards.truncate(episode);
                self.rewards.push(found.clone());
                self.unsaved = true;
                found
            }
        }
    }

    /// Saves what is not saved yet.
    pub(super) fn keep(&mut self, ctx: &Ctx<'_>) {
        if std::mem::take(&mut self.unsaved) {
            self.save(ctx);
        }
    }
}
