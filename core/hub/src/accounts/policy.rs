//! Which passwords people may choose.

/// `password_config.policy`; the default allows every password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PasswordPolicy {
    /// characters
    pub minimum_length: usize,
    pub digit: bool,
    /// a character that is neither letter nor digit
    pub symbol: bool,
    pub lowercase: bool,
    pub uppercase: bool,
}

impl PasswordPolicy {
    /// What the password lacks, in words for who chose it.
    pub fn lacking(&self, password: &str) -> Option<String> {
        let has = |is: fn(char) -> bool| password.chars().any(is);
        if password.chars().count() < self.minimum_length {
            return Some(format!("the password must have at least {} characters", self.minimum_length));
        }
        let wanted = [
            (self.digit, has(char::is_numeric), "a digit"),
            (self.symbol, has(|c| !c.is_alphanumeric()), "a character that is neither letter nor digit"),
            (self.lowercase, has(char::is_lowercase), "a lower-case letter"),
            (self.uppercase, has(char::is_uppercase), "an upper-case letter"),
        ];
        let missing = wanted.into_iter().find(|(wanted, there, _)| *wanted && !there);
        missing.map(|(_, _, what)| format!("the password must contain {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_refuses_alone_and_a_good_password_passes() {
        let all = PasswordPolicy { minimum_length: 6, digit: true, symbol: true, lowercase: true, uppercase: true };
        for (password, word) in [
            ("aB1!", "6 characters"),
            ("aBcde!", "digit"),
            ("aBcde1", "neither"),
            ("AB12!!", "lower"),
            ("ab12!!", "upper"),
        ] {
            let lacking = all.lacking(password).expect(password);
            assert!(lacking.contains(word), "{password}: {lacking}");
        }
        assert_eq!(all.lacking("aBc12!"), None);
        assert_eq!(PasswordPolicy::default().lacking(""), None);
    }
}
