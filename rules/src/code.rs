use crate::facts::Place;
use crate::limits::MAX_RULES;
use crate::parse::{Calculation, Comparison};
use crate::typed::TextFunction;

/// Bytecode of a whole program. A condition is a graph of [`Branch`]es: each asks one thing about one
/// fact and names the branch to go on with, so an evaluation touches only what it needs. What does not
/// fit into a branch (arithmetic, and whatever else can fail) is a [`Block`] of [`Operation`]s on a stack.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    pub(crate) branches: Vec<Branch>,
    pub(crate) operations: Vec<Operation>,
    /// Each text literal of the program once.
    texts: Vec<Box<str>>,
    /// Lists of integers end to end, each sorted.
    number_lists: Vec<i64>,
    /// Lists of text end to end, each sorted by the text it refers to.
    text_lists: Vec<TextIndex>,
}

/// One question and where its answers lead.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Branch {
    pub(crate) test: Test,
    pub(crate) yes: Exit,
    pub(crate) no: Exit,
}

/// What a branch asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Test {
    /// From the first number to the second, both included. Every comparison of a fact with a literal
    /// is one of these, or the opposite of one.
    Within(Place, i64, i64),
    Less(Place, Place),
    Same(Place, Place),
    Truth(Place),
    Has(Place),
    TextIs(Place, TextIndex),
    /// One of two numbers, which may be the same.
    Either(Place, i64, i64),
    NumberIn(Place, List),
    TextIn(Place, List),
    Call(TextFunction, Place, TextIndex),
    /// The value of the block; an error leads to the exit.
    Computed(Block, Exit),
}

/// Place of a branch in [`Code::branches`], or an end: of the condition while it is compiled, and of a rule that has
/// something to say once the rules are [linked](Code::link).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(u32);

/// What an evaluation of linked rules came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The condition of this rule holds.
    Holds(usize),
    /// The condition of this rule is an error.
    Failed(usize),
    /// No rule is left.
    Over,
}

/// A step of a block, in postfix order. Truth values are the numbers 0 and 1.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Number(i64),
    Text(TextIndex),
    NumberFact(Place),
    TextFact(Place),
    RequiredNumber(Place),
    RequiredText(Place),
    Has(Place),
    Not,
    Negate,
    And,
    Or,
    CompareNumbers(Comparison),
    CompareTexts(Comparison),
    Calculate(Calculation),
    NumberIn(List),
    TextIn(List),
    Call(TextFunction),
    Size,
    /// Of a truth value and two others, the second or the third.
    Choose,
}

/// Range of operations in [`Code::operations`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    start: u32,
    end: u32,
}

/// Place of a literal in [`Code`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TextIndex(u32);

/// Range of one list in [`Code`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    start: u32,
    end: u32,
}

const _: () = assert!(size_of::<Branch>() <= 32, "two branches to a cache line");

impl Exit {
    /// The condition holds.
    pub(crate) const HOLDS: Exit = Exit(u32::MAX);
    /// The condition does not hold.
    pub(crate) const HOLDS_NOT: Exit = Exit(u32::MAX - 1);
    /// The condition is an error.
    pub(crate) const FAILED: Exit = Exit(u32::MAX - 2);

    /// Beyond every branch at an end.
    #[inline]
    pub(crate) fn place(self) -> usize {
        self.0 as usize
    }

    /// What an exit that is no branch of linked rules means.
    #[inline]
    pub(crate) fn end(self) -> End {
        let rule = (self.0 & !Exit::ENDS) as usize;
        match self {
            Exit::HOLDS_NOT => End::Over,
            _ if rule < MAX_RULES => End::Holds(rule),
            _ => End::Failed(rule - MAX_RULES),
        }
    }

    /// Ends have numbers from here on, which no branch reaches.
    const ENDS: u32 = 1 << 31;

    /// The same once the rules are linked: an end says whose it is, and who does not hold leads on to the `next` rule.
    fn linked(self, rule: usize, next: Exit) -> Exit {
        match self {
            Exit::HOLDS => Exit(Exit::ENDS + index(rule)),
            Exit::FAILED => Exit(Exit::ENDS + index(MAX_RULES + rule)),
            Exit::HOLDS_NOT => next,
            branch => branch,
        }
    }
}

impl Code {
    pub(crate) fn add_branch(&mut self, test: Test, yes: Exit, no: Exit) -> Exit {
        self.branches.push(Branch { test, yes, no });
        Exit(index(self.branches.len() - 1))
    }

    /// Makes one graph of all rules, whose conditions begin with these exits and whose branches begin at these places, in
    /// the order of the rules. Most rules do not hold, and lead on to the next by themselves. Gives where each begins
    /// now, and beyond the last the end.
    pub(crate) fn link(&mut self, entries: &[(Exit, usize)]) -> Vec<Exit> {
        let mut linked = vec![Exit::HOLDS_NOT; entries.len() + 1];
        let mut end = self.branches.len();
        for (rule, (entry, start)) in entries.iter().enumerate().rev() {
            let next = linked[rule + 1];
            for branch in &mut self.branches[*start..end] {
                if let Test::Computed(_, failed) = &mut branch.test {
                    *failed = failed.linked(rule, next);
                }
                branch.yes = branch.yes.linked(rule, next);
                branch.no = branch.no.linked(rule, next);
            }
            linked[rule] = entry.linked(rule, next);
            end = *start;
        }
        linked
    }

    /// The facts that anything here asks for, by bit.
    pub(crate) fn asked(&self) -> u64 {
        let tests = self.branches.iter().map(|branch| match branch.test {
            Test::Within(place, ..)
            | Test::Truth(place)
            | Test::Has(place)
            | Test::TextIs(place, _)
            | Test::Either(place, ..)
            | Test::NumberIn(place, _)
            | Test::TextIn(place, _)
            | Test::Call(_, place, _) => place.bit(),
            Test::Less(left, right) | Test::Same(left, right) => left.bit() | right.bit(),
            Test::Computed(..) => 0,
        });
        let operands = self.operations.iter().map(|operation| match operation {
            Operation::NumberFact(place)
            | Operation::TextFact(place)
            | Operation::RequiredNumber(place)
            | Operation::RequiredText(place)
            | Operation::Has(place) => place.bit(),
            _ => 0,
        });
        tests.chain(operands).fold(0, |all, bit| all | bit)
    }

    /// The operations added since there were `start` of them.
    pub(crate) fn block_since(&self, start: usize) -> Block {
        Block { start: index(start), end: index(self.operations.len()) }
    }

    pub(crate) fn add_text(&mut self, text: &str) -> TextIndex {
        if let Some(place) = self.texts.iter().position(|earlier| **earlier == *text) {
            return TextIndex(index(place));
        }
        self.texts.push(text.into());
        TextIndex(index(self.texts.len() - 1))
    }

    pub(crate) fn add_number_list(&mut self, mut numbers: Vec<i64>) -> List {
        numbers.sort_unstable();
        let start = self.number_lists.len();
        self.number_lists.append(&mut numbers);
        List { start: index(start), end: index(self.number_lists.len()) }
    }

    pub(crate) fn add_text_list(&mut self, mut texts: Vec<TextIndex>) -> List {
        texts.sort_unstable_by_key(|text| self.text(*text));
        let start = self.text_lists.len();
        self.text_lists.append(&mut texts);
        List { start: index(start), end: index(self.text_lists.len()) }
    }

    #[cfg(test)]
    pub(crate) fn text_count(&self) -> usize {
        self.texts.len()
    }

    #[inline]
    pub(crate) fn text(&self, index: TextIndex) -> &str {
        &self.texts[index.0 as usize]
    }

    pub(crate) fn block(&self, block: Block) -> &[Operation] {
        &self.operations[block.start as usize..block.end as usize]
    }

    /// The numbers of a list, sorted.
    pub(crate) fn numbers(&self, list: List) -> &[i64] {
        &self.number_lists[list.start as usize..list.end as usize]
    }

    #[inline]
    pub(crate) fn lists_number(&self, list: List, number: i64) -> bool {
        let numbers = self.numbers(list);
        if numbers.len() <= SHORT_LIST {
            numbers.contains(&number)
        } else {
            numbers.binary_search(&number).is_ok()
        }
    }

    #[inline]
    pub(crate) fn lists_text(&self, list: List, text: &str) -> bool {
        let texts = &self.text_lists[list.start as usize..list.end as usize];
        if texts.len() <= SHORT_LIST {
            return texts.iter().any(|element| self.text(*element) == text);
        }
        texts.binary_search_by(|element| self.text(*element).cmp(text)).is_ok()
    }
}

/// Up to this length a list is looked through from its beginning, which is then faster than halving it.
const SHORT_LIST: usize = 8;

fn index(place: usize) -> u32 {
    u32::try_from(place).expect("a node needs a byte of source, and MAX_RULES * MAX_SOURCE_BYTES fits u32")
}
