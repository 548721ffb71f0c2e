use crate::check::Checker;
use crate::code::{Code, Exit};
use crate::error::{Fault, RuleError, RulePart, Span};
use crate::facts::FactName;
use crate::limits::{MAX_NAME_BYTES, MAX_RULES, MAX_SOURCE_BYTES};
use crate::parse::parse;
use crate::verdict::Verdict;
use std::collections::BTreeSet;

/// A rule as the configuration states it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleSource<'a> {
    /// By what name receipts and counters know it; unique.
    pub name: &'a str,
    /// The condition.
    pub when: &'a str,
    /// `decline`, `capture`, `refer`, `flag`, `score` or `limit`.
    pub action: &'a str,
    /// Response code (DE 39) of `decline` (59 if absent) and `capture` (07 if absent).
    pub code: Option<&'a str>,
    /// Points of `score`.
    pub score: Option<i64>,
    /// Amount of `limit`, in minor units of the transaction's currency.
    pub limit: Option<i64>,
    /// `live` (if absent) or `shadow`.
    pub mode: Option<&'a str>,
}

/// Whether a rule has its say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It does what its action says.
    #[default]
    Live,
    /// It is asked, and only what it would have done is told.
    Shadow,
}

impl Mode {
    /// As the configuration and the counters have it: `live` or `shadow`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Live => "live",
            Mode::Shadow => "shadow",
        }
    }

    fn parse(text: &str) -> Result<Mode, Fault> {
        match text {
            "live" => Ok(Mode::Live),
            "shadow" => Ok(Mode::Shadow),
            _ => Err(Fault::hinted(Span::whole(text), "no such mode", "`live` or `shadow`")),
        }
    }
}

/// A compiled rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// By what name receipts and counters know it.
    pub name: String,
    /// The condition as written, to be shown.
    pub when: String,
    /// What it does when the condition holds.
    pub verdict: Verdict,
    /// Whether it does it.
    pub mode: Mode,
    /// Where to go on behind it.
    pub(crate) next: Exit,
}

/// All rules of one version of the configuration, ready to be asked. The default has no rules and
/// lets everything pass.
#[derive(Clone, Debug)]
pub struct Program {
    rules: Vec<Rule>,
    pub(crate) code: Code,
    /// Where to begin.
    pub(crate) first: Exit,
    /// The facts that any rule asks for, by bit.
    asked: u64,
}

impl Program {
    /// Compiles the rules in the order in which they are to be asked.
    ///
    /// # Errors
    /// Every mistake in every rule: syntax (the first of a condition), types, unknown facts, text
    /// that a fact never holds, unknown actions and codes, names that are empty or used twice, and
    /// anything beyond a limit.
    pub fn compile(sources: &[RuleSource<'_>]) -> Result<Program, Vec<RuleError>> {
        let mut compiler = Compiler::default();
        for (index, source) in sources.iter().take(MAX_RULES).enumerate() {
            compiler.rule(index, source);
        }
        if let Some(source) = sources.get(MAX_RULES) {
            let fault =
                Fault::new(Span::whole(source.name), format!("there are more than {MAX_RULES} rules"));
            compiler.errors.push(source.error(MAX_RULES, RulePart::Name, fault));
        }
        if !compiler.errors.is_empty() {
            return Err(compiler.errors);
        }
        let Compiler { mut rules, entries, checker: Checker { mut code, .. }, .. } = compiler;
        let linked = code.link(&entries);
        rules.iter_mut().zip(&linked[1..]).for_each(|(rule, next)| rule.next = *next);
        let asked = code.asked();
        Ok(Program { rules, code, first: linked[0], asked })
    }

    /// Whether any rule asks for this fact. One that none asks for may be left empty, where it is dear to come by.
    #[inline]
    #[must_use]
    pub fn asks(&self, fact: FactName) -> bool {
        self.asked & fact.bit() != 0
    }

    /// The rules in order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The name of a rule by the index that an [`Outcome`](crate::Outcome) holds; `None` beyond the
    /// last rule.
    #[must_use]
    pub fn rule_name(&self, index: usize) -> Option<&str> {
        self.rules.get(index).map(|rule| rule.name.as_str())
    }
}

impl Default for Program {
    fn default() -> Program {
        Program { rules: Vec::new(), code: Code::default(), first: Exit::HOLDS_NOT, asked: 0 }
    }
}

#[derive(Default)]
struct Compiler<'a> {
    rules: Vec<Rule>,
    /// Where the condition of each rule begins, and the first of its branches.
    entries: Vec<(Exit, usize)>,
    errors: Vec<RuleError>,
    checker: Checker,
    names: BTreeSet<&'a str>,
}

impl<'a> Compiler<'a> {
    /// Compiles one rule, or notes everything that is wrong with it.
    fn rule(&mut self, index: usize, source: &RuleSource<'a>) {
        let mut note = |part, fault| self.errors.push(source.error(index, part, fault));
        if let Err(fault) = check_name(source.name, !self.names.insert(source.name)) {
            note(RulePart::Name, fault);
        }
        let first_branch = self.checker.code.branches.len();
        let entry = compile_condition(source.when, &mut self.checker);
        let entry = entry.map_err(|faults| faults.into_iter().for_each(|fault| note(RulePart::When, fault)));
        let verdict = Verdict::parse(source);
        let verdict =
            verdict.map_err(|faults| faults.into_iter().for_each(|(part, fault)| note(part, fault)));
        let mode = source.mode.map_or(Ok(Mode::Live), Mode::parse);
        let mode = mode.map_err(|fault| note(RulePart::Mode, fault));
        if let (Ok(entry), Ok(verdict), Ok(mode)) = (entry, verdict, mode) {
            self.entries.push((entry, first_branch));
            self.rules.push(Rule {
                name: source.name.into(),
                when: source.when.into(),
                verdict,
                mode,
                next: Exit::HOLDS_NOT,
            });
        }
    }
}

fn check_name(name: &str, taken: bool) -> Result<(), Fault> {
    let span = Span::whole(name);
    if name.trim().is_empty() {
        return Err(Fault::new(span, "the rule has no name"));
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(Fault::new(span, format!("the name is longer than {MAX_NAME_BYTES} bytes")));
    }
    if taken {
        return Err(Fault::hinted(span, "the name is taken", "a receipt names the rule, so names differ"));
    }
    Ok(())
}

fn compile_condition(when: &str, checker: &mut Checker) -> Result<Exit, Vec<Fault>> {
    if when.len() > MAX_SOURCE_BYTES {
        let message = format!("the condition is longer than {MAX_SOURCE_BYTES} bytes");
        return Err(vec![Fault::hinted(Span { start: 0, end: 0 }, message, "split the rule in two")]);
    }
    let expression = parse(when).map_err(|fault| vec![fault])?;
    checker.condition(&expression)
}

impl RuleSource<'_> {
    /// A mistake in one of this rule's texts. A text that is absent has no mistakes.
    fn error(&self, index: usize, part: RulePart, fault: Fault) -> RuleError {
        let number = |number: Option<i64>| number.map_or(String::new(), |number| number.to_string());
        let source = match part {
            RulePart::Name => self.name.to_owned(),
            RulePart::When => self.when.to_owned(),
            RulePart::Action => self.action.to_owned(),
            RulePart::Code => self.code.unwrap_or_default().to_owned(),
            RulePart::Score => number(self.score),
            RulePart::Limit => number(self.limit),
            RulePart::Mode => self.mode.unwrap_or_default().to_owned(),
        };
        let Fault { span, message, hint } = fault;
        RuleError { index, rule: self.name.into(), part, source, span, message, hint }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::{FACTS, Facts};

    const RULE: RuleSource<'_> = RuleSource {
        name: "rule",
        when: "true",
        action: "flag",
        code: None,
        score: None,
        limit: None,
        mode: None,
    };

    /// Errors as `index part message`.
    fn check(sources: &[RuleSource<'_>], expect: &[&str]) {
        let errors = Program::compile(sources).err().unwrap_or_default();
        let shown: Vec<_> =
            errors.iter().map(|e| format!("{} {:?} {}", e.index, e.part, e.message)).collect();
        assert_eq!(shown, expect);
    }

    #[test]
    fn all_mistakes_of_all_rules_come_together() {
        let first = RuleSource { name: "", when: "amont > 'x'", action: "decline", code: Some("00"), ..RULE };
        let third = RuleSource { name: "rule", when: "hour <", action: "deny", mode: Some("dark"), ..RULE };
        check(
            &[first, RULE, third],
            &[
                "0 Name the rule has no name",
                "0 When no fact is called `amont`",
                "0 Code this code approves",
                "2 Name the name is taken",
                "2 When a fact or a literal is missing here",
                "2 Action no such action",
                "2 Mode no such mode",
            ],
        );
    }

    /// By name, in a block of operations, and by `has`; no other.
    #[test]
    fn facts_that_are_asked_for() {
        let check = |when: &str, expect: &[&str]| {
            let program = Program::compile(&[RULE, RuleSource { name: "other", when, ..RULE }]).unwrap();
            let asked = FACTS.iter().filter(|fact| program.asked & fact.place.bit() != 0);
            assert_eq!(asked.map(|fact| fact.name).collect::<Vec<_>>(), expect, "{when}");
        };
        check("true", &[]);
        check("amount > 5 || bin in ['40000001', '40000002']", &["amount", "bin"]);
        check("hour == weekday && terminal.startsWith('A')", &["hour", "weekday", "terminal"]);
        check("has(request.atc) && amount * 2 < daily_amount", &["amount", "atc", "daily_amount"]);
        check("size(request.merchant) > 3 || mcc in [1, 2, 3, 4, 5]", &["mcc", "merchant"]);
        let program = Program::compile(&[RuleSource { when: "chip_present", ..RULE }]).unwrap();
        assert!(program.asks(FactName::chip_present) && !program.asks(FactName::bin));
    }

    #[test]
    fn lengths_and_counts_have_limits() {
        let name = "n".repeat(MAX_NAME_BYTES + 1);
        check(&[RuleSource { name: &name[1..], ..RULE }], &[]);
        check(&[RuleSource { name: &name, ..RULE }], &["0 Name the name is longer than 64 bytes"]);

        let when = format!("true{}", " ".repeat(MAX_SOURCE_BYTES - 4));
        check(&[RuleSource { when: &when, ..RULE }], &[]);
        let when = when + " ";
        check(&[RuleSource { when: &when, ..RULE }], &["0 When the condition is longer than 4096 bytes"]);

        let names: Vec<_> = (0..=MAX_RULES).map(|index| format!("rule {index}")).collect();
        let rules: Vec<_> = names.iter().map(|name| RuleSource { name, ..RULE }).collect();
        check(&rules, &["64 Name there are more than 64 rules"]);
        let program = Program::compile(&rules[..MAX_RULES]).unwrap();
        assert_eq!(program.evaluate(&Facts::default()).flags, u64::MAX);
        assert_eq!(program.rules().len(), MAX_RULES);
        assert_eq!((program.rule_name(63), program.rule_name(64)), (Some("rule 63"), None));
    }
}
