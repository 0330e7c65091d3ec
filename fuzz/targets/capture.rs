#![no_main]

use std::collections::BTreeSet;

use corelane_codecs::mold::SessionName;
use corelane_market::{
    CaptureReport, CaptureSource, Damage, FrameContent, Order, Place, Recording, Selection, is_capture,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    frames(bytes);
    let all = Selection { port: None, session: None, order: Order::Captured };
    let captured = messages(bytes, all);
    for order in [Order::Sequence, Order::OneSession] {
        for session in [None, Some(SessionName::BLANK)] {
            let read = messages(bytes, Selection { session, order, ..all });
            assert!(read.len() <= captured.len(), "messages are left out or put into order, never made up");
        }
    }
    messages(bytes, Selection { port: Some(2), ..all });
});

/// Every frame is where it says, and what it carries is in it.
fn frames(bytes: &[u8]) {
    let Ok(mut source) = CaptureSource::new(bytes) else { return };
    assert!(is_capture(bytes), "what is read as a capture is taken for one");
    let (mut frames, mut last) = (0, 0);
    while let Ok(Some(frame)) = source.next_frame() {
        frames += 1;
        assert_eq!(frame.number, frames);
        assert!(frame.offset > last && frame.offset < bytes.len() as u64);
        last = frame.offset;
        match frame.content {
            Ok(FrameContent::Udp { payload, .. } | FrameContent::Tcp { payload, .. }) => {
                let from = last as usize;
                assert!(bytes[from..].windows(payload.len().max(1)).any(|window| window.starts_with(payload)));
            }
            Ok(FrameContent::Other) => {}
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}

/// The messages of a recording. A sequence number comes once in each session, but zero, which stands for none.
fn messages(bytes: &[u8], selection: Selection) -> Vec<Place> {
    let Ok(mut recording) = Recording::new(bytes, selection) else { return Vec::new() };
    let (mut places, mut seen) = (Vec::new(), BTreeSet::new());
    while let Some(message) = recording.next() {
        match message {
            Ok(message) => places.push(message.place),
            Err(damage) => {
                assert!(!damage.to_string().is_empty() && !matches!(damage, Damage::Missing { messages: 0, .. }))
            }
        }
    }
    assert!(recording.next().is_none(), "the end is the end");
    assert!(!recording.describe().is_empty());
    if selection.order != Order::Captured {
        for place in &places {
            if let Place::Capture { session, sequence, .. } = *place {
                assert!(sequence == 0 || seen.insert((session, sequence)), "{place}");
            }
        }
        let counted = |capture: &CaptureReport| capture.sessions.iter().map(|session| session.messages).sum::<u64>();
        assert!(recording.capture().is_none_or(|capture| counted(capture) >= places.len() as u64));
    }
    places
}
