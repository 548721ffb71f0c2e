use crate::facts::{ReadBool, ReadInt, ReadString};
use crate::parse::{Calculation, Comparison};

/// Compiled conditions of a whole program: typed trees whose nodes refer to each other by index,
/// children before parents. A node of one type can only refer to nodes of the type it needs, so
/// evaluation has nothing left to check and nothing to allocate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    pub(crate) tests: Vec<Test>,
    /// Operands of arithmetic; those of comparisons stand in their [`Test`].
    pub(crate) numbers: Vec<Number>,
    /// Each text literal of the program once.
    pub(crate) texts: Vec<Box<str>>,
    /// Lists of integers end to end, each sorted.
    pub(crate) number_lists: Vec<i64>,
    /// Lists of text end to end, each sorted by the text it refers to.
    pub(crate) text_lists: Vec<TextIndex>,
}

/// An expression of type bool.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Test {
    Constant(bool),
    Fact(ReadBool),
    Not(TestIndex),
    And(TestIndex, TestIndex),
    Or(TestIndex, TestIndex),
    CompareBools(Comparison, TestIndex, TestIndex),
    CompareNumbers(Comparison, Number, Number),
    CompareTexts(Comparison, Text, Text),
    NumberIn(Number, List),
    TextIn(Text, List),
    StartsWith(Text, Text),
}

/// An expression of type int.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Constant(i64),
    Fact(ReadInt),
    Negate(NumberIndex),
    Calculate(Calculation, NumberIndex, NumberIndex),
}

/// An expression of type string.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Text {
    Constant(TextIndex),
    Fact(ReadString),
}

/// Place of a [`Test`] in [`Code::tests`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct TestIndex(u32);

/// Place of a [`Number`] in [`Code::numbers`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct NumberIndex(u32);

/// Place of a literal in [`Code::texts`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextIndex(u32);

/// Range of one list in [`Code::number_lists`] or [`Code::text_lists`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct List {
    start: u32,
    end: u32,
}

impl Code {
    pub(crate) fn add_test(&mut self, test: Test) -> TestIndex {
        self.tests.push(test);
        TestIndex(last_index(self.tests.len()))
    }

    pub(crate) fn add_number(&mut self, number: Number) -> NumberIndex {
        self.numbers.push(number);
        NumberIndex(last_index(self.numbers.len()))
    }

    pub(crate) fn add_text(&mut self, text: &str) -> TextIndex {
        self.texts.push(text.into());
        TextIndex(last_index(self.texts.len()))
    }

    pub(crate) fn add_number_list(&mut self, mut numbers: Vec<i64>) -> List {
        numbers.sort_unstable();
        let start = self.number_lists.len();
        self.number_lists.append(&mut numbers);
        List::between(start, self.number_lists.len())
    }

    pub(crate) fn add_text_list(&mut self, mut texts: Vec<TextIndex>) -> List {
        texts.sort_unstable_by_key(|text| self.text(*text));
        let start = self.text_lists.len();
        self.text_lists.append(&mut texts);
        List::between(start, self.text_lists.len())
    }

    pub(crate) fn test(&self, index: TestIndex) -> Test {
        self.tests[index.0 as usize]
    }

    pub(crate) fn number(&self, index: NumberIndex) -> Number {
        self.numbers[index.0 as usize]
    }

    pub(crate) fn text(&self, index: TextIndex) -> &str {
        &self.texts[index.0 as usize]
    }

    pub(crate) fn number_list(&self, list: List) -> &[i64] {
        &self.number_lists[list.start as usize..list.end as usize]
    }

    pub(crate) fn text_list(&self, list: List) -> &[TextIndex] {
        &self.text_lists[list.start as usize..list.end as usize]
    }
}

impl List {
    fn between(start: usize, end: usize) -> List {
        List { start: index(start), end: index(end) }
    }
}

fn last_index(length: usize) -> u32 {
    index(length - 1)
}

fn index(place: usize) -> u32 {
    u32::try_from(place).expect("a node needs a byte of source, and MAX_RULES * MAX_SOURCE_BYTES fits u32")
}
