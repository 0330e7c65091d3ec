//! Parsers and book builders of other crates, on the same bytes as ours in [`crate::itch`].

use std::ops::ControlFlow;

use corelane_actors::{market_data::Books, types::Locate};
use corelane_codecs::{binary_file::Frames, itch::Message};
use hftbacktest::{
    depth::{HashMapMarketDepth, L3MarketDepth, MarketDepth, ROIVectorMarketDepth},
    types::Side,
};
use itch5::{MessageHandler, Parser, messages::*};
use itchy::Body;
use lunary::zerocopy::ZeroCopyParser;

use crate::itch::{flow::Flow, sum::total};

/// Differences of itch5 from ours, for readers of a ratio to it.
pub(crate) const ITCH5_DIFFERS: &str = "typed views by callback, as ours; lengths are checked, sides are not";
/// Differences of itchy from ours.
pub(crate) const ITCHY_DIFFERS: &str = "owned messages from a reader, all fields converted, whether wanted or not";
/// Differences of lunary from ours.
pub(crate) const LUNARY_DIFFERS: &str =
    "a walk from header to header: neither lengths by type nor fields are looked at";
/// Differences of hftbacktest from ours.
pub(crate) const HFTBACKTEST_DIFFERS: &str =
    "the sum at each price and all orders in a map: no queue of orders, no count of them at a price, prices in `f64`";
/// Differences of hftbacktest with vectors from ours.
pub(crate) const KNOWN_PRICES_DIFFER: &str = "as with hash maps, in vectors over the range of prices that the flow will \
     have, which only a benchmark knows beforehand";

/// hftbacktest's depth with hash maps.
pub(crate) type HashMaps = Depths<HashMapMarketDepth>;
/// hftbacktest's depth with vectors.
pub(crate) type Vectors = Depths<ROIVectorMarketDepth>;

/// Adds up the fields that [`crate::itch`]'s own decoder adds up.
pub(crate) fn decode_itch5(bytes: &[u8]) -> u64 {
    #[derive(Default)]
    struct Sum(u64);
    macro_rules! summed {
        ($($on:ident: $message:ty $(=> |$order:ident| [$($field:expr),+])?,)+) => {
            impl MessageHandler for Sum {
                $(fn $on(&mut self, message: &$message) -> ControlFlow<()> {
                    self.0 = total([self.0, message.timestamp().to_u64()]);
                    $(
                        let $order = message;
                        self.0 = total([self.0, $order.stock_locate().into(), $($field),+]);
                    )?
                    ControlFlow::Continue(())
                })+
            }
        };
    }
    fn is_buy(side: BuySellIndicator) -> u64 {
        matches!(side, BuySellIndicator::Buy).into()
    }
    summed! {
        on_add_order_no_mpid_attribution: AddOrderNoMPIDAttribution => |add| [
            add.order_reference_number(),
            is_buy(add.buy_sell_indicator()),
            add.shares().into(),
            add.price().into_u32().into()
        ],
        on_add_order_with_mpid_attribution: AddOrderWithMPIDAttribution => |add| [
            add.order_reference_number(),
            is_buy(add.buy_sell_indicator()),
            add.shares().into(),
            add.price().into_u32().into()
        ],
        on_order_executed: OrderExecuted => |executed| [
            executed.order_reference_number(),
            executed.executed_shares().into()
        ],
        on_order_executed_with_price: OrderExecutedWithPrice => |executed| [
            executed.order_reference_number(),
            executed.executed_shares().into()
        ],
        on_order_cancel: OrderCancel => |cancel| [cancel.order_reference_number(), cancel.cancelled_shares().into()],
        on_order_delete: OrderDelete => |delete| [delete.order_reference_number()],
        on_order_replace: OrderReplace => |replace| [
            replace.original_order_reference_number(),
            replace.new_order_reference_number(),
            replace.shares().into(),
            replace.price().into_u32().into()
        ],
        on_trade: Trade,
        on_cross_trade: CrossTrade,
        on_broken_trade: BrokenTrade,
        on_net_order_imbalance_indicator: NetOrderImbalanceIndicator,
        on_system_event: SystemEvent,
        on_stock_directory: StockDirectory,
        on_stock_trading_action: StockTradingAction,
        on_reg_sho_restriction: RegSHORestriction,
        on_market_participant_position: MarketParticipantPosition,
        on_mwcb_decline_level: MWCBDeclineLevel,
        on_mwcb_status: MWCBStatus,
        on_quoting_period_update: QuotingPeriodUpdate,
        on_luld_auction_collar: LULDAuctionCollar,
        on_operational_halt: OperationalHalt,
        on_retail_price_improvement_indicator: RetailPriceImprovementIndicator,
        on_direct_listing_with_capital_raise_price_discovery: DirectListingwithCapitalRaisePriceDiscovery,
    }
    let mut sum = Sum::default();
    Parser::new(bytes).parse_stream(&mut sum).expect("the flow is ITCH");
    sum.0
}

pub(crate) fn decode_itchy(bytes: &[u8]) -> u64 {
    itchy::MessageStream::from_reader(bytes).fold(0, |sum: u64, message| {
        let message = message.expect("the flow is ITCH");
        let order = match message.body {
            Body::AddOrder(add) => {
                let is_buy = add.side == itchy::Side::Buy;
                total([add.reference, is_buy.into(), add.shares.into(), add.price.raw().into()])
            }
            Body::OrderExecuted { reference, executed, .. }
            | Body::OrderExecutedWithPrice { reference, executed, .. } => total([reference, executed.into()]),
            Body::OrderCancelled { reference, cancelled } => total([reference, cancelled.into()]),
            Body::DeleteOrder { reference } => reference,
            Body::ReplaceOrder(replace) => {
                let (old, new) = (replace.old_reference, replace.new_reference);
                total([old, new, replace.shares.into(), replace.price.raw().into()])
            }
            _ => return total([sum, message.timestamp]),
        };
        total([sum, message.stock_locate.into(), message.timestamp, order])
    })
}

pub(crate) fn walk_lunary(bytes: &[u8]) -> u64 {
    let mut parser = ZeroCopyParser::new(bytes);
    let mut sum = 0_u64;
    while let Some(message) = parser.parse_next() {
        sum = sum.wrapping_add(message.timestamp());
    }
    sum
}

/// hftbacktest's order-by-order depth, one per instrument: sums per price and a map of orders, no queue.
pub(crate) struct Depths<D> {
    by_locate: Vec<D>,
    tick: u32,
}

/// The greatest of a few ticks that all prices of the flow are multiples of, and by locate the lowest and highest price.
fn prices(flow: &Flow) -> (u32, Vec<(u32, u32)>) {
    let mut ranges = vec![(u32::MAX, 0); flow.symbols.len()];
    let mut ticks = vec![1, 100, 2500];
    for frame in Frames::new(&flow.bytes) {
        let Ok(message) = Message::decode(frame.expect("the flow is whole")) else { continue };
        let price = match message {
            Message::AddOrder(add) => add.price,
            Message::AddOrderMpid(add) => add.price,
            Message::OrderReplace(replace) => replace.price,
            _ => continue,
        };
        let price = price.get().raw();
        let (low, high) = &mut ranges[usize::from(message.stock_locate()) - 1];
        (*low, *high) = ((*low).min(price), (*high).max(price));
        ticks.retain(|tick| price.is_multiple_of(*tick));
    }
    (ticks.into_iter().max().expect("1 divides all"), ranges)
}

/// Creates empty depths with hash maps.
pub(crate) fn hash_maps(flow: &Flow) -> HashMaps {
    let (tick, ranges) = prices(flow);
    let by_locate = ranges.iter().map(|_| HashMapMarketDepth::new(tick.into(), 1.0)).collect();
    Depths { by_locate, tick }
}

/// Creates empty depths with vectors over all prices that each instrument will have in the flow, which only a benchmark
/// knows beforehand.
pub(crate) fn vectors(flow: &Flow) -> Vectors {
    let (tick, ranges) = prices(flow);
    let depth = |(low, high): (u32, u32)| {
        let low = low.min(high);
        ROIVectorMarketDepth::new(tick.into(), 1.0, f64::from(low), f64::from(high))
    };
    Depths { by_locate: ranges.into_iter().map(depth).collect(), tick }
}

impl<D: L3MarketDepth<Error: std::fmt::Debug> + MarketDepth> Depths<D> {
    pub(crate) fn run(&mut self, bytes: &[u8]) {
        Parser::new(bytes).parse_stream(self).expect("the flow is ITCH");
    }

    fn add(&mut self, locate: u16, order_ref: u64, is_bid: bool, price: f64, shares: u32) {
        let depth = &mut self.by_locate[usize::from(locate) - 1];
        let added = if is_bid {
            depth.add_buy_order(order_ref, price, shares.into(), 0)
        } else {
            depth.add_sell_order(order_ref, price, shares.into(), 0)
        };
        added.expect("references of the flow are unique");
    }

    fn reduce(&mut self, locate: u16, order_ref: u64, shares: u32) {
        let depth = &mut self.by_locate[usize::from(locate) - 1];
        let order = &depth.orders()[&order_ref];
        let (left, price) = (order.qty - f64::from(shares), order.price_tick as f64 * f64::from(self.tick));
        if left > 0.0 {
            depth.modify_order(order_ref, price, left, 0).expect("it rests");
        } else {
            depth.delete_order(order_ref, 0).expect("it rests");
        }
    }

    /// Panics unless every level has the quantity that ours has, and no order is left over.
    pub(crate) fn check(&self, books: &Books) {
        let mut orders = 0;
        for (locate, depth) in Locate::first(self.by_locate.len()).zip(&self.by_locate) {
            let tick = |price: u32| i64::from(price / self.tick);
            let (bids, asks) = books.levels(locate);
            for level in bids {
                assert_eq!(depth.bid_qty_at_tick(tick(level.price)), level.quantity as f64, "{locate} {level:?}");
            }
            for level in asks {
                assert_eq!(depth.ask_qty_at_tick(tick(level.price)), level.quantity as f64, "{locate} {level:?}");
            }
            orders += depth.orders().len();
        }
        assert_eq!(orders, books.orders_len());
    }
}

impl<D: L3MarketDepth<Error: std::fmt::Debug> + MarketDepth> MessageHandler for Depths<D> {
    fn on_add_order_no_mpid_attribution(&mut self, add: &AddOrderNoMPIDAttribution) -> ControlFlow<()> {
        let is_bid = matches!(add.buy_sell_indicator(), BuySellIndicator::Buy);
        self.add(add.stock_locate(), add.order_reference_number(), is_bid, add.price().into_u32().into(), add.shares());
        ControlFlow::Continue(())
    }

    fn on_add_order_with_mpid_attribution(&mut self, add: &AddOrderWithMPIDAttribution) -> ControlFlow<()> {
        let is_bid = matches!(add.buy_sell_indicator(), BuySellIndicator::Buy);
        self.add(add.stock_locate(), add.order_reference_number(), is_bid, add.price().into_u32().into(), add.shares());
        ControlFlow::Continue(())
    }

    fn on_order_executed(&mut self, executed: &OrderExecuted) -> ControlFlow<()> {
        self.reduce(executed.stock_locate(), executed.order_reference_number(), executed.executed_shares());
        ControlFlow::Continue(())
    }

    fn on_order_executed_with_price(&mut self, executed: &OrderExecutedWithPrice) -> ControlFlow<()> {
        self.reduce(executed.stock_locate(), executed.order_reference_number(), executed.executed_shares());
        ControlFlow::Continue(())
    }

    fn on_order_cancel(&mut self, cancel: &OrderCancel) -> ControlFlow<()> {
        self.reduce(cancel.stock_locate(), cancel.order_reference_number(), cancel.cancelled_shares());
        ControlFlow::Continue(())
    }

    fn on_order_delete(&mut self, delete: &OrderDelete) -> ControlFlow<()> {
        let depth = &mut self.by_locate[usize::from(delete.stock_locate()) - 1];
        depth.delete_order(delete.order_reference_number(), 0).expect("it rests");
        ControlFlow::Continue(())
    }

    fn on_order_replace(&mut self, replace: &OrderReplace) -> ControlFlow<()> {
        let depth = &mut self.by_locate[usize::from(replace.stock_locate()) - 1];
        let (side, ..) = depth.delete_order(replace.original_order_reference_number(), 0).expect("it rests");
        let (locate, order_ref) = (replace.stock_locate(), replace.new_order_reference_number());
        self.add(locate, order_ref, side == Side::Buy, replace.price().into_u32().into(), replace.shares());
        ControlFlow::Continue(())
    }
}
