//! What every entry of a catalogue must keep, whatever its algorithm.

pub mod victim;
