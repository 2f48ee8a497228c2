use crate::config::schedule::Schedule;

/// Optimizer settings of a parameter group. Unset fields inherit the trainer's.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupOptions {
    /// Learning rate schedule.
    pub schedule: Option<Schedule>,
    /// Weight decay.
    pub weight_decay: Option<f32>,
    /// Maximum norm of the group's gradients. If set, the group and the other parameters are
    /// clipped separately.
    pub clip_norm: Option<f64>,
}
