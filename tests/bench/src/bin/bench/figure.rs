//! A measured number and what it should be.

#[derive(Clone, Debug)]
pub struct Figure {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    pub goal: Option<Goal>,
}

#[derive(Clone, Copy, Debug)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// Of rates more is better, of everything else less.
pub const PER_SECOND: &str = "/s";

impl Figure {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, goal: None }
    }

    pub fn rate(name: impl Into<String>, value: f64) -> Self {
        Self::new(name, value, PER_SECOND)
    }

    pub fn at_least(self, goal: f64) -> Self {
        Self { goal: Some(Goal::AtLeast(goal)), ..self }
    }

    pub fn at_most(self, goal: f64) -> Self {
        Self { goal: Some(Goal::AtMost(goal)), ..self }
    }

    pub fn is_missed(&self) -> bool {
        match self.goal {
            None => false,
            Some(Goal::AtLeast(goal)) => self.value < goal,
            Some(Goal::AtMost(goal)) => self.value > goal,
        }
    }

    pub fn verdict(&self) -> Option<&'static str> {
        self.goal.map(|_| if self.is_missed() { "MISSED" } else { "met" })
    }

    /// How many times as good as the peer's; none for what is a ratio itself.
    pub fn ratio(&self, peer: &Self) -> Option<f64> {
        match self.unit {
            "" => None,
            PER_SECOND => Some(self.value / peer.value),
            _ => Some(peer.value / self.value),
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(goal) => write!(f, "at least {}", rounded(*goal)),
            Self::AtMost(goal) => write!(f, "at most {}", rounded(*goal)),
        }
    }
}

/// Three digits that count.
pub fn rounded(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0..100.0 => format!("{value:.1}"),
        1.0..10.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// The value below which this part of all lies, 0.0 to 1.0; sorts them.
pub fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
}
