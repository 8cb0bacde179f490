//! Channel modes: which letter takes which parameter, what a membership mode weighs, what a ban mask meets.

use crate::casemap::CaseMapping;
use crate::isupport::Isupport;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub set: bool,
    pub mode: char,
    pub arg: Option<String>,
}

/// Takes `+o-b nick mask` apart.
pub fn changes(isupport: &Isupport, params: &[String]) -> Vec<Change> {
    let Some((letters, args)) = params.split_first() else { return Vec::new() };
    let mut args = args.iter();
    let mut set = true;
    let mut out = Vec::new();
    for mode in letters.chars() {
        match mode {
            '+' => set = true,
            '-' => set = false,
            _ => {
                let arg = if takes_arg(isupport, mode, set) { args.next().cloned() } else { None };
                out.push(Change { set, mode, arg });
            }
        }
    }
    out
}

fn takes_arg(isupport: &Isupport, mode: char, set: bool) -> bool {
    let [lists, always, when_set, _] = &isupport.chanmodes;
    isupport.prefix.iter().any(|(m, _)| *m == mode)
        || lists.contains(mode)
        || always.contains(mode)
        || (set && when_set.contains(mode))
}

/// The Matrix power level of somebody with these membership modes.
pub fn power(modes: &str) -> i32 {
    let weigh = |mode| match mode {
        'q' => 95,
        'a' => 75,
        'o' => 50,
        'h' => 40,
        'v' => 1,
        _ => 0,
    };
    modes.chars().map(weigh).max().unwrap_or(0)
}

/// Whether a ban mask (`nick!user@host` with `*` and `?`) meets somebody; unknown parts are met only by `*`.
pub fn mask_meets(mask: &str, nick: &str, user: Option<&str>, host: Option<&str>, casemapping: CaseMapping) -> bool {
    let name = format!("{nick}!{}@{}", user.unwrap_or_default(), host.unwrap_or_default());
    let mask: Vec<char> = casemapping.fold(mask).chars().collect();
    let name: Vec<char> = casemapping.fold(&name).chars().collect();
    glob(&mask, &name)
}

/// Backtracks to the last `*` only, so it is never slower than mask × name.
fn glob(mask: &[char], name: &[char]) -> bool {
    let (mut m, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        if m < mask.len() && mask[m] == '*' {
            star = Some((m, n));
            m += 1;
        } else if m < mask.len() && (mask[m] == '?' || mask[m] == name[n]) {
            m += 1;
            n += 1;
        } else if let Some((star_m, star_n)) = star {
            m = star_m + 1;
            n = star_n + 1;
            star = Some((star_m, star_n + 1));
        } else {
            return false;
        }
    }
    mask[m..].iter().all(|c| *c == '*')
}

/// The nick of a mask that names exactly one (`nick!*@*`).
pub fn mask_nick(mask: &str) -> Option<&str> {
    let nick = mask.split('!').next().unwrap_or(mask);
    (!nick.is_empty() && !nick.contains(['*', '?', '@', ':', '$'])).then_some(nick)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_letter_takes_the_parameter_it_is_due() {
        let mut isupport = Isupport::default();
        isupport.apply(["CHANMODES=beI,k,l,imnst", "PREFIX=(qaohv)~&@%+"].into_iter());
        let params: Vec<String> = ["+ob-lk+m", "al", "*!*@evil", "key"].map(str::to_owned).to_vec();
        let got: Vec<_> = changes(&isupport, &params).into_iter().map(|c| (c.set, c.mode, c.arg)).collect();
        let some = |s: &str| Some(s.to_owned());
        assert_eq!(
            got,
            [
                (true, 'o', some("al")),
                (true, 'b', some("*!*@evil")),
                (false, 'l', None),
                (false, 'k', some("key")),
                (true, 'm', None)
            ]
        );
    }

    #[test]
    fn the_highest_membership_mode_counts() {
        assert_eq!((power("vo"), power("v"), power(""), power("qo")), (50, 1, 0, 95));
    }

    #[test]
    fn masks_meet_by_case_mapping_and_wildcards() {
        let meets = |mask| mask_meets(mask, "Nick[1]", Some("~u"), Some("a.example"), CaseMapping::Rfc1459);
        assert!(meets("nick{1}!*@*") && meets("*!*@*.EXAMPLE") && meets("n?ck*!~u@a.example"));
        assert!(!meets("nick2!*@*") && !meets("*!*@b.example"));
        assert!(!mask_meets("*!*@x.example", "n", None, None, CaseMapping::Ascii));
    }

    #[test]
    fn a_hostile_mask_does_not_take_exponential_time() {
        assert!(!mask_meets(&"*a".repeat(200), &"a".repeat(150), None, None, CaseMapping::Ascii));
    }

    #[test]
    fn only_plain_nicks_are_named_by_a_mask() {
        assert_eq!(mask_nick("bob!*@*"), Some("bob"));
        assert_eq!(mask_nick("*!*@h"), None);
        assert_eq!(mask_nick("$a:account"), None);
    }
}
