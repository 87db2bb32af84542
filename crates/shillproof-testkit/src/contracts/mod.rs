//! What every entry of a catalogue must keep, whatever its algorithm.

pub mod attack;
pub mod detector;
pub mod victim;
