use crate::facts::Place;
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
    NumberIn(Place, List),
    TextIn(Place, List),
    Call(TextFunction, Place, TextIndex),
    /// The value of the block; an error leads to the exit.
    Computed(Block, Exit),
}

/// Place of a branch in [`Code::branches`], or the end of the condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exit(u32);

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

    /// Beyond every branch at the end of the condition.
    #[inline]
    pub(crate) fn place(self) -> usize {
        self.0 as usize
    }
}

impl Code {
    pub(crate) fn add_branch(&mut self, test: Test, yes: Exit, no: Exit) -> Exit {
        self.branches.push(Branch { test, yes, no });
        Exit(index(self.branches.len() - 1))
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

    #[inline]
    pub(crate) fn lists_number(&self, list: List, number: i64) -> bool {
        let numbers = &self.number_lists[list.start as usize..list.end as usize];
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
