//! What a link does with one message.

use std::time::Duration;

use super::LinkQuality;
use crate::draw::Draw;
use crate::faults::{Corruption, Late, Loss, QualityChange};

/// Why a message never arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The link lost it.
    Lost,
    /// The link loses what is large.
    TooLarge,
    /// The link was cut when it was sent.
    CutAtSend,
    /// The link was cut when it would have arrived.
    CutAtDelivery,
    /// The receiver was down.
    ReceiverDown,
    /// A bit was flipped, and the checksum of its frame did not match.
    Corrupted,
}

impl DropReason {
    /// The reason in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::TooLarge => "lost, too large",
            Self::CutAtSend => "cut off",
            Self::CutAtDelivery => "cut off on the way",
            Self::ReceiverDown => "receiver down",
            Self::Corrupted => "corrupted",
        }
    }

    /// The mark that it happened, if there is one.
    #[must_use]
    pub const fn mark(self) -> Option<&'static str> {
        match self {
            Self::Lost => Some("world.message_lost"),
            Self::TooLarge => Some("world.large_message_lost"),
            Self::CutAtSend => Some("world.message_cut_off"),
            Self::CutAtDelivery => Some("world.message_cut_on_the_way"),
            Self::Corrupted => Some("world.message_corrupted"),
            Self::ReceiverDown => None,
        }
    }
}

/// What a link does with one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It never arrives.
    Dropped(DropReason),
    /// It waits until the link carries messages again.
    Waits,
    /// It arrives.
    Arrives(Passage),
}

/// How a message arrives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// The delay of the message.
    pub after: Duration,
    /// The delays of its copies, which travel after it on the same link.
    pub copies: Vec<Duration>,
    /// An incident makes it slower.
    pub slowed: bool,
    /// It is held back alone, by an incident.
    pub held: bool,
    /// Copies of it come late, by an incident.
    pub repeated: bool,
    /// Which bit of it is flipped on the way.
    pub flipped: Option<Flip>,
}

/// A bit that is not what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flip {
    /// Which of all bits of the message.
    pub bit: u64,
    /// Whether nobody looks at the checksum of the frame.
    pub unchecked: bool,
}

impl Passage {
    /// What a link does by itself. Each value is drawn whatever the others come to.
    pub(super) fn over(&mut self, quality: &LinkQuality, draw: &mut Draw) -> Option<DropReason> {
        self.after = draw.duration(quality.latency.clone());
        let lost = draw.chance(quality.loss);
        let duplicated = draw.chance(quality.duplicate);
        let held_back = draw.chance(quality.reorder);
        let extra = draw.duration(quality.held_back.clone());
        if held_back {
            self.after += extra;
        }
        if duplicated {
            self.copies.push(self.after + extra);
        }
        lost.then_some(DropReason::Lost)
    }

    /// What an incident does on top of it.
    pub(super) fn through(
        &mut self,
        change: &QualityChange,
        bytes: usize,
        base: &LinkQuality,
        draw: &mut Draw,
    ) -> Option<DropReason> {
        let QualityChange {
            latency,
            loss,
            duplicate,
            reorder,
            corrupt,
            hold,
            repeat,
        } = change;
        let more = latency.clone().unwrap_or_default();
        self.slowed |= !more.end.is_zero();
        let more = draw.duration(more);
        self.after += more;
        for copy in &mut self.copies {
            *copy += more;
        }
        let extra = draw.duration(base.held_back.clone());
        if draw.chance(reorder.unwrap_or_default()) {
            self.after += extra;
        }
        if draw.chance(duplicate.unwrap_or_default()) {
            self.copies.push(self.after + extra);
        }
        let bit = draw.below((bytes.max(1) * 8) as u64);
        let Corruption { share, unchecked } = corrupt.unwrap_or_default();
        if draw.chance(share) {
            self.flipped = Some(Flip { bit, unchecked });
        }
        let Loss { share, over } = loss.unwrap_or_default();
        let lost = draw.chance(share) && over.is_none_or(|most| bytes > most);
        if let Some(Late { share, by }) = hold
            && draw.chance(*share)
        {
            self.held = true;
            self.after += draw.duration(by.clone());
        }
        if let Some(Late { share, by }) = repeat
            && draw.chance(*share)
        {
            self.repeated = true;
            for _ in 0..draw.range(1..4) {
                let later = draw.duration(by.clone());
                self.copies.push(self.after + later);
            }
        }
        lost.then_some(match over {
            None => DropReason::Lost,
            Some(_) => DropReason::TooLarge,
        })
    }
}
