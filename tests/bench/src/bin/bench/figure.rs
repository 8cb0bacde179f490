//! A measured number and what it should be.

pub struct Figure {
    pub name: String,
    pub value: f64,
    pub unit: &'static str,
    pub goal: Option<Goal>,
}

#[derive(Clone, Copy)]
pub enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Figure {
    pub fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { name: name.into(), value, unit, goal: None }
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

    /// One line for people; with goal and verdict where they are asked for.
    pub fn line(&self, with_goal: bool) -> String {
        let value = format!("{:<44} {:>10.2} {:<9}", self.name, self.value, self.unit);
        let goal = match self.goal.filter(|_| with_goal) {
            None => return value.trim_end().to_owned(),
            Some(Goal::AtLeast(goal)) => format!("at least {goal}"),
            Some(Goal::AtMost(goal)) => format!("at most {goal}"),
        };
        format!("{value} {goal:<16} {}", if self.is_missed() { "MISSED" } else { "met" })
    }
}

/// The value below which this part of all lies, 0.0 to 1.0; sorts them.
pub fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
}
