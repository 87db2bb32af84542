//! The dueling network: `Q(s, a) = V(h) + A(h, a) − mean_a A(h, a)` (Wang et al., ICML 2016), h the state of a recurrent unit that has read the actions so far.

use shillproof_core::Seed;
use shillproof_kernels::nn::{Gru, Init, Linear, Packed, Trace};
use shillproof_kernels::{Adam, Matrix, axpy, dot};

use super::replay::Transition;

/// Length of an action's vector.
const ACTION: usize = 32;
/// Length of a state.
const STATE: usize = 64;
/// Units in which state and action meet.
const JOINT: usize = 64;

/// Parameters, and the gradient beside them.
#[derive(Clone, Debug)]
pub(in super::super) struct QNetwork {
    theta: Parameters,
    gradient: Parameters,
}

#[derive(Clone, Debug)]
struct Parameters {
    /// One row an action.
    actions: Matrix,
    gru: Gru,
    value: Linear,
    /// An action's vector on its way to the advantage.
    action: Linear,
    /// `relu(from_state h + from_action a)`: one layer over both, side by side.
    from_state: Linear,
    from_action: Linear,
    /// From there to the advantage.
    advantage: Vec<f32>,
}

impl Parameters {
    fn blocks_mut(&mut self) -> [&mut [f32]; 14] {
        let Gru { input, hidden, input_bias, hidden_bias } = &mut self.gru;
        [
            self.actions.as_mut_slice(),
            input.as_mut_slice(),
            hidden.as_mut_slice(),
            input_bias,
            hidden_bias,
            self.value.weights.as_mut_slice(),
            &mut self.value.bias,
            self.action.weights.as_mut_slice(),
            &mut self.action.bias,
            self.from_state.weights.as_mut_slice(),
            &mut self.from_state.bias,
            self.from_action.weights.as_mut_slice(),
            &mut self.from_action.bias,
            &mut self.advantage,
        ]
    }
}

/// What the way forward leaves for the way back.
struct Forward {
    /// Places of the sequences, longest first.
    order: Vec<usize>,
    packed: Packed,
    read: Vec<u32>,
    inputs: Vec<f32>,
    trace: Trace,
    /// Final states, in the order of the sequences.
    states: Vec<f32>,
    /// `relu(action e)`, one row an action.
    actions: Vec<f32>,
    from_state: Vec<f32>,
    from_action: Vec<f32>,
    /// Q, one row a sequence.
    values: Vec<f32>,
}

/// One episode under way: the state it is in, and what does not change from action to action.
pub(super) struct Walk<'a> {
    theta: &'a Parameters,
    from_action: Vec<f32>,
    state: Vec<f32>,
    trace: Trace,
}

impl Walk<'_> {
    /// Q of every action now.
    pub(super) fn values(&self) -> Vec<f32> {
        self.theta.heads(&self.state, &self.from_action).1
    }

    /// One action more.
    pub(super) fn take(&mut self, action: u32) {
        let input = self.theta.actions.row(action as usize);
        self.theta.gru.forward(input, &Packed { starts: vec![0, 1] }, &self.state, &mut self.trace);
        self.state.copy_from_slice(&self.trace.states);
    }
}

impl Parameters {
    /// `relu(action e)`, and what it adds where state and action meet; one row an action.
    fn action_side(&self) -> (Vec<f32>, Vec<f32>) {
        let (mut actions, mut from_action) = (Vec::new(), Vec::new());
        self.action.forward(self.actions.as_slice(), &mut actions);
        for x in &mut actions {
            *x = x.max(0.0);
        }
        self.from_action.forward(&actions, &mut from_action);
        (actions, from_action)
    }

    /// What states add where they meet actions, and Q, one row a state.
    fn heads(&self, states: &[f32], from_action: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let (mut from_state, mut value) = (Vec::new(), Vec::new());
        self.from_state.forward(states, &mut from_state);
        self.value.forward(states, &mut value);
        let n = self.actions.rows();
        let mut values = Vec::with_capacity(value.len() * n);
        let mut met = [0.0; JOINT];
        for (row, value) in from_state.chunks_exact(JOINT).zip(&value) {
            let first = values.len();
            for action in from_action.chunks_exact(JOINT) {
                for ((met, a), b) in met.iter_mut().zip(row).zip(action) {
                    *met = (a + b).max(0.0);
                }
                values.push(dot(&met, &self.advantage));
            }
            let mean = values[first..].iter().sum::<f32>() / n as f32;
            values[first..].iter_mut().for_each(|x| *x += value - mean);
        }
        (from_state, values)
    }
}

impl QNetwork {
    pub(super) fn new(actions: usize, seed: Seed) -> Self {
        let draw = |outputs, inputs, name| Init::XavierUniform.weights(outputs, inputs, seed.child(name));
        let layer =
            |outputs, inputs, name| Linear { weights: draw(outputs, inputs, name), bias: vec![0.0; outputs] };
        let theta = Parameters {
            actions: Matrix::normal(actions, ACTION, 0.1, seed.child("actions")),
            gru: Gru {
                input: draw(3 * STATE, ACTION, "input"),
                hidden: draw(3 * STATE, STATE, "hidden"),
                input_bias: vec![0.0; 3 * STATE],
                hidden_bias: vec![0.0; 3 * STATE],
            },
            value: layer(1, STATE, "value"),
            action: layer(ACTION, ACTION, "action"),
            from_state: layer(JOINT, STATE, "from state"),
            from_action: layer(JOINT, ACTION, "from action"),
            advantage: draw(1, JOINT, "advantage").as_slice().to_vec(),
        };
        let mut gradient = theta.clone();
        gradient.blocks_mut().into_iter().for_each(|block| block.fill(0.0));
        Self { theta, gradient }
    }

    /// The beginning of an episode.
    pub(super) fn walk(&self) -> Walk<'_> {
        let from_action = self.theta.action_side().1;
        Walk { theta: &self.theta, from_action, state: vec![0.0; STATE], trace: Trace::default() }
    }

    /// Q of every action after each of these sequences, row after row.
    pub(super) fn values(&self, taken: &[&[u32]]) -> Vec<f32> {
        self.forward(taken).values
    }

    fn forward(&self, taken: &[&[u32]]) -> Forward {
        let theta = &self.theta;
        let mut order: Vec<usize> = (0..taken.len()).collect();
        order.sort_by_key(|&at| std::cmp::Reverse(taken[at].len()));
        let lengths: Vec<usize> = order.iter().map(|&at| taken[at].len()).collect();
        let packed = Packed::of(&lengths);
        let mut read = Vec::with_capacity(packed.len());
        for step in 0..lengths.first().copied().unwrap_or(0) {
            let alive = order.iter().take_while(|&&at| taken[at].len() > step);
            read.extend(alive.map(|&at| taken[at][step]));
        }
        let inputs: Vec<f32> = read.iter().flat_map(|&a| theta.actions.row(a as usize)).copied().collect();
        let (mut trace, mut states) = (Trace::default(), vec![0.0; taken.len() * STATE]);
        theta.gru.forward(&inputs, &packed, &vec![0.0; taken.len() * STATE], &mut trace);
        for (row, &at) in order.iter().enumerate() {
            if let Some(last) = taken[at].len().checked_sub(1) {
                let state = &trace.states[(packed.starts[last] + row) * STATE..][..STATE];
                states[at * STATE..][..STATE].copy_from_slice(state);
            }
        }
        let (actions, from_action) = theta.action_side();
        let (from_state, values) = theta.heads(&states, &from_action);
        Forward { order, packed, read, inputs, trace, states, actions, from_state, from_action, values }
    }

    /// The gradient of the mean squared distance between the values of what was done and `aims`; the mean.
    pub(super) fn differentiate(&mut self, batch: &[&Transition], aims: &[f32]) -> f64 {
        let before: Vec<&[u32]> = batch.iter().map(|t| &t.taken[..t.at]).collect();
        let at = self.forward(&before);
        let Self { theta, gradient } = self;
        gradient.blocks_mut().into_iter().for_each(|block| block.fill(0.0));
        let n = theta.actions.rows();
        let share = 1.0 / batch.len() as f32;
        let (mut loss, mut of_value) = (0.0, Vec::with_capacity(batch.len()));
        let (mut of_state, mut of_action) = (vec![0.0f32; batch.len() * JOINT], vec![0.0f32; n * JOINT]);
        for (row, (transition, aim)) in batch.iter().zip(aims).enumerate() {
            let chosen = transition.taken[transition.at] as usize;
            let gap = at.values[row * n + chosen] - aim;
            loss += f64::from(share * gap * gap);
            let slope = 2.0 * share * gap;
            of_value.push(slope);
            let state = &at.from_state[row * JOINT..][..JOINT];
            for action in 0..n {
                let slope = slope * (f32::from(u8::from(action == chosen)) - 1.0 / n as f32);
                let own = &at.from_action[action * JOINT..][..JOINT];
                for k in 0..JOINT {
                    let met = state[k] + own[k];
                    if met > 0.0 {
                        gradient.advantage[k] += slope * met;
                        let back = slope * theta.advantage[k];
                        of_state[row * JOINT + k] += back;
                        of_action[action * JOINT + k] += back;
                    }
                }
            }
        }
        let (mut of_states, mut more, mut of_actions, mut of_vectors) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        theta.from_state.backward(&at.states, &of_state, &mut gradient.from_state, Some(&mut of_states));
        theta.value.backward(&at.states, &of_value, &mut gradient.value, Some(&mut more));
        axpy(1.0, &more, &mut of_states);
        theta.from_action.backward(&at.actions, &of_action, &mut gradient.from_action, Some(&mut of_actions));
        for (slope, x) in of_actions.iter_mut().zip(&at.actions) {
            if *x == 0.0 {
                *slope = 0.0;
            }
        }
        let vectors = theta.actions.as_slice();
        theta.action.backward(vectors, &of_actions, &mut gradient.action, Some(&mut of_vectors));
        axpy(1.0, &of_vectors, gradient.actions.as_mut_slice());

        // From final states to the steps that led there.
        let mut slopes = vec![0.0; at.packed.len() * STATE];
        for (row, &place) in at.order.iter().enumerate() {
            if let Some(last) = before[place].len().checked_sub(1) {
                slopes[(at.packed.starts[last] + row) * STATE..][..STATE]
                    .copy_from_slice(&of_states[place * STATE..][..STATE]);
            }
        }
        let mut of_inputs = vec![0.0; at.inputs.len()];
        theta.gru.backward(&at.inputs, &at.packed, &at.trace, &mut slopes, &mut gradient.gru, &mut of_inputs);
        for (&action, slope) in at.read.iter().zip(of_inputs.chunks_exact(ACTION)) {
            axpy(1.0, slope, gradient.actions.row_mut(action as usize));
        }
        loss
    }

    /// Adam's state for every block.
    pub(super) fn optimiser(&mut self, learning_rate: f32) -> Vec<Adam> {
        let blocks = self.theta.blocks_mut();
        blocks.into_iter().map(|block| Adam::new(block.len(), learning_rate, 0.0)).collect()
    }

    /// One step of Adam.
    pub(super) fn step(&mut self, optimiser: &mut [Adam]) {
        let blocks = self.theta.blocks_mut().into_iter().zip(self.gradient.blocks_mut());
        for ((block, slopes), adam) in blocks.zip(optimiser) {
            adam.step(block, slopes);
        }
    }

    #[cfg(test)]
    pub(super) fn blocks_mut(&mut self) -> ([&mut [f32]; 14], [&mut [f32]; 14]) {
        (self.theta.blocks_mut(), self.gradient.blocks_mut())
    }
}
