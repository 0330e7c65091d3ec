//! The ITCH messages of the venue's own feed.

use corelane_codecs::{
    IntoBytes,
    itch::{
        self, AddOrder, HaltReason, Header, OrderCancel, OrderDelete, OrderExecuted, OrderReplace, StockDirectory,
        StockTradingAction, SystemEvent, TradingState,
    },
    price::Price4,
    text::{Alpha, Symbol},
    zerocopy::Immutable,
};
use corelane_runtime::edge::port::Port;

use crate::types::{Locate, Publication, Quantity, Side, length_byte};

/// The output for publications, and the time of the current input.
pub(super) struct Feed<'a> {
    pub port: &'a mut Port<Publication>,
    pub time_ns: u64,
}

impl Feed<'_> {
    pub(super) fn system_event(&mut self, event_code: u8) {
        self.send(|time_ns| SystemEvent { header: header(Locate::NONE, time_ns), event_code });
    }

    /// Publishes an instrument: a live common share of the first tier, in round lots of `lot`.
    pub(super) fn directory(&mut self, locate: Locate, stock: Symbol, lot: Quantity) {
        self.send(|time_ns| StockDirectory {
            header: header(locate, time_ns),
            stock,
            market_category: b'Q',
            financial_status: b'N',
            round_lot_size: lot.0.into(),
            round_lots_only: if lot.0 > 1 { b'Y' } else { b'N' },
            issue_classification: b'C',
            issue_sub_type: Alpha::from_bytes(*b"Z "),
            authenticity: b'P',
            short_sale_threshold: b'N',
            ipo_flag: b'N',
            luld_tier: b' ',
            etp_flag: b'N',
            etp_leverage: 0.into(),
            inverse: b'N',
        });
    }

    /// Publishes that an instrument is paused for a reason of operations, or trades again.
    pub(super) fn trading_action(&mut self, locate: Locate, stock: Symbol, state: TradingState) {
        let reason = match state {
            TradingState::Trading => HaltReason::NotAvailable,
            _ => HaltReason::Operations,
        };
        self.send(|time_ns| StockTradingAction {
            header: header(locate, time_ns),
            stock,
            trading_state: state.to_wire(),
            reserved: b' ',
            reason: reason.to_wire(),
        });
    }

    pub(super) fn added(
        &mut self,
        locate: Locate,
        stock: Symbol,
        order_ref: u64,
        side: Side,
        shares: Quantity,
        price: Price4,
    ) {
        self.send(|time_ns| AddOrder {
            header: header(locate, time_ns),
            order_ref: order_ref.into(),
            side: if side.is_buy() { itch::Side::Buy } else { itch::Side::Sell }.into(),
            shares: shares.0.into(),
            stock,
            price: price.into(),
        });
    }

    pub(super) fn executed(&mut self, locate: Locate, order_ref: u64, shares: Quantity, match_number: u64) {
        self.send(|time_ns| OrderExecuted {
            header: header(locate, time_ns),
            order_ref: order_ref.into(),
            executed_shares: shares.0.into(),
            match_number: match_number.into(),
        });
    }

    pub(super) fn reduced(&mut self, locate: Locate, order_ref: u64, shares: Quantity) {
        self.send(|time_ns| OrderCancel {
            header: header(locate, time_ns),
            order_ref: order_ref.into(),
            cancelled_shares: shares.0.into(),
        });
    }

    pub(super) fn deleted(&mut self, locate: Locate, order_ref: u64) {
        self.send(|time_ns| OrderDelete { header: header(locate, time_ns), order_ref: order_ref.into() });
    }

    pub(super) fn replaced(&mut self, locate: Locate, original: u64, order_ref: u64, shares: Quantity, price: Price4) {
        self.send(|time_ns| OrderReplace {
            header: header(locate, time_ns),
            original_order_ref: original.into(),
            new_order_ref: order_ref.into(),
            shares: shares.0.into(),
            price: price.into(),
        });
    }

    #[inline(always)]
    fn send<M: IntoBytes + Immutable>(&mut self, make: impl FnOnce(u64) -> M) {
        let time_ns = self.time_ns;
        self.port.send_filled(|publication| {
            publication.length = const { length_byte::<M>() };
            make(time_ns).write_to_prefix(&mut publication.bytes).expect("a publication has room for every message");
        });
    }
}

fn header<const CODE: u8>(locate: Locate, time_ns: u64) -> Header<CODE> {
    Header::new(locate.0, 0, time_ns)
}
