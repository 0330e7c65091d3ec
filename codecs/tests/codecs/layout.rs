//! Every struct has the length and the offsets of its table.

use core::mem::offset_of;

use corelane_codecs::YesNo;
use corelane_codecs::itch::{self, message_len};
use corelane_codecs::ouch::{self, RejectReason, Tag};
use corelane_codecs::soup;

use crate::spec::{ITCH, OUCH_TAGS};

macro_rules! layouts {
    ($($type:ty, $len:literal: $($offset:literal $field:ident),+;)+) => {
        $({
            let name = stringify!($type);
            assert_eq!(size_of::<$type>(), $len, "{name}");
            assert_eq!(align_of::<$type>(), 1, "{name}");
            $(assert_eq!(offset_of!($type, $field), $offset, "{name}.{}", stringify!($field));)+
        })+
    };
}

#[test]
fn ouch_structs_lie_as_in_the_tables() {
    layouts! {
        ouch::Enter, 47: 0 message_type, 1 user_ref_num, 5 side, 6 quantity, 10 symbol, 18 price, 26 time_in_force,
            27 display, 28 capacity, 29 intermarket_sweep, 30 cross_type, 31 cl_ord_id, 45 appendage_len;
        ouch::Replace, 40: 0 message_type, 1 orig_user_ref_num, 5 user_ref_num, 9 quantity, 13 price,
            21 time_in_force, 22 display, 23 intermarket_sweep, 24 cl_ord_id, 38 appendage_len;
        ouch::Cancel, 9: 0 message_type, 1 user_ref_num, 5 quantity;
        ouch::Modify, 10: 0 message_type, 1 user_ref_num, 5 side, 6 quantity;
        ouch::MassCancel, 19: 0 message_type, 1 user_ref_num, 5 firm, 9 symbol, 17 appendage_len;
        ouch::DisableEntry, 11: 0 message_type, 1 user_ref_num, 5 firm, 9 appendage_len;
        ouch::EnableEntry, 11: 0 message_type, 1 user_ref_num, 5 firm, 9 appendage_len;
        ouch::AccountQuery, 1: 0 message_type;
        ouch::Modified, 18: 1 timestamp, 9 user_ref_num, 13 side, 14 quantity;
        ouch::MassCancelResponse, 27: 1 timestamp, 9 user_ref_num, 13 firm, 17 symbol, 25 appendage_len;
        ouch::DisableEntryResponse, 19: 1 timestamp, 9 user_ref_num, 13 firm, 17 appendage_len;
        ouch::EnableEntryResponse, 19: 1 timestamp, 9 user_ref_num, 13 firm, 17 appendage_len;
        ouch::AccountQueryResponse, 13: 1 timestamp, 9 next_user_ref_num;
        ouch::SystemEvent, 10: 0 message_type, 1 timestamp, 9 event_code;
        ouch::Accepted, 64: 1 timestamp, 9 user_ref_num, 13 side, 14 quantity, 18 symbol, 26 price,
            34 time_in_force, 35 display, 36 order_ref, 44 capacity, 45 intermarket_sweep, 46 cross_type,
            47 order_state, 48 cl_ord_id, 62 appendage_len;
        ouch::Replaced, 68: 1 timestamp, 9 orig_user_ref_num, 13 user_ref_num, 17 side, 18 quantity, 22 symbol,
            30 price, 38 time_in_force, 39 display, 40 order_ref, 48 capacity, 49 intermarket_sweep,
            50 cross_type, 51 order_state, 52 cl_ord_id, 66 appendage_len;
        ouch::Canceled, 18: 1 timestamp, 9 user_ref_num, 13 quantity, 17 reason_code;
        ouch::AiqCanceled, 32: 1 timestamp, 9 user_ref_num, 13 quantity, 17 reason_code, 18 quantity_prevented,
            22 price, 30 liquidity_flag, 31 strategy;
        ouch::Executed, 36: 1 timestamp, 9 user_ref_num, 13 quantity, 17 price, 25 liquidity_flag,
            26 match_number, 34 appendage_len;
        ouch::BrokenTrade, 36: 1 timestamp, 9 user_ref_num, 13 match_number, 21 reason_code, 22 cl_ord_id;
        ouch::Rejected, 29: 1 timestamp, 9 user_ref_num, 13 reason_code, 15 cl_ord_id;
        ouch::CancelPending, 13: 1 timestamp, 9 user_ref_num;
        ouch::CancelReject, 13: 1 timestamp, 9 user_ref_num;
        ouch::PriorityUpdate, 30: 1 timestamp, 9 user_ref_num, 13 price, 21 display, 22 order_ref;
        ouch::Restated, 16: 1 timestamp, 9 user_ref_num, 13 reason_code, 14 appendage_len;
    }
}

#[test]
fn itch_structs_lie_as_in_the_table() {
    layouts! {
        itch::Header<b'S'>, 11: 0 message_type, 1 stock_locate, 3 tracking_number, 5 timestamp;
        itch::SystemEvent, 12: 0 header, 11 event_code;
        itch::StockDirectory, 39: 0 header, 11 stock, 19 market_category, 20 financial_status, 21 round_lot_size,
            25 round_lots_only, 26 issue_classification, 27 issue_sub_type, 29 authenticity,
            30 short_sale_threshold, 31 ipo_flag, 32 luld_tier, 33 etp_flag, 34 etp_leverage, 38 inverse;
        itch::AddOrder, 36: 11 order_ref, 19 side, 20 shares, 24 stock, 32 price;
        itch::AddOrderMpid, 40: 11 order_ref, 19 side, 20 shares, 24 stock, 32 price, 36 attribution;
        itch::OrderExecuted, 31: 11 order_ref, 19 executed_shares, 23 match_number;
        itch::OrderExecutedWithPrice, 36: 11 order_ref, 19 executed_shares, 23 match_number, 31 printable,
            32 execution_price;
        itch::OrderCancel, 23: 11 order_ref, 19 cancelled_shares;
        itch::OrderDelete, 19: 11 order_ref;
        itch::OrderReplace, 35: 11 original_order_ref, 19 new_order_ref, 27 shares, 31 price;
        itch::StockTradingAction, 25: 11 stock, 19 trading_state, 20 reserved, 21 reason;
        itch::RegShoRestriction, 20: 11 stock, 19 reg_sho_action;
        itch::MarketParticipantPosition, 26: 11 mpid, 15 stock, 23 primary_market_maker, 24 market_maker_mode,
            25 market_participant_state;
        itch::MwcbDeclineLevels, 35: 11 level_1, 19 level_2, 27 level_3;
        itch::MwcbStatus, 12: 11 breached_level;
        itch::IpoQuotingPeriod, 28: 11 stock, 19 ipo_quotation_release_time, 23 ipo_quotation_release_qualifier,
            24 ipo_price;
        itch::LuldAuctionCollar, 35: 11 stock, 19 auction_collar_reference_price, 23 upper_auction_collar_price,
            27 lower_auction_collar_price, 31 auction_collar_extension;
        itch::OperationalHalt, 21: 11 stock, 19 market_code, 20 operational_halt_action;
        itch::CrossTrade, 40: 11 shares, 19 stock, 27 cross_price, 31 match_number, 39 cross_type;
        itch::BrokenTrade, 19: 11 match_number;
        itch::NetOrderImbalance, 50: 11 paired_shares, 19 imbalance_shares, 27 imbalance_direction, 28 stock,
            36 far_price, 40 near_price, 44 current_reference_price, 48 cross_type, 49 price_variation_indicator;
        itch::RetailInterest, 20: 11 stock, 19 interest_flag;
        itch::DirectListingPrice, 48: 11 stock, 19 open_eligibility_status, 20 minimum_allowable_price,
            24 maximum_allowable_price, 28 near_execution_price, 32 near_execution_time,
            40 lower_price_range_collar, 44 upper_price_range_collar;
        itch::Trade, 44: 11 order_ref, 19 side, 20 shares, 24 stock, 32 price, 36 match_number;
    }
}

#[test]
fn itch_has_23_types_with_the_lengths_of_the_table() {
    let known: Vec<u8> = (0..=u8::MAX).filter(|kind| message_len(*kind).is_some()).collect();
    assert_eq!(known.len(), 23);
    for spec in ITCH {
        assert_eq!(message_len(spec.kind), Some(spec.len), "{}", char::from(spec.kind));
    }
    assert_eq!(ITCH.iter().map(|spec| spec.len).max(), Some(itch::MAX_MESSAGE_LEN));
    assert!(ITCH.iter().map(|spec| &spec.kind).eq(itch::MESSAGE_TYPES));
    for kind in 0..=u8::MAX {
        let name = itch::message_name(kind);
        assert_eq!(name.is_some(), known.contains(&kind));
        assert!(name.is_none_or(|name| name.ends_with(&format!(" ({})", char::from(kind)))), "{name:?}");
    }
}

#[test]
fn halt_reasons_are_those_of_the_text() {
    let codes: Vec<String> = itch::HaltReason::ALL.iter().map(|reason| reason.to_wire().to_string()).collect();
    let expected = "T1 T2 T5 T6 T8 T12 H4 H9 H10 H11 O1 LUDP LUDS MWC1 MWC2 MWC3 MWC0 IPO1 M1 M2 \
        T3 T7 R4 R9 C3 C4 C9 C11 R1 R2 IPOQ IPOE MWCQ ";
    assert_eq!(codes.join(" "), expected);
    for &reason in itch::HaltReason::ALL {
        assert_eq!(itch::HaltReason::from_wire(reason.to_wire()), Some(reason));
    }
    assert_eq!(itch::HaltReason::from_wire("T9".parse().unwrap()), None);
}

#[test]
fn ouch_tags_have_the_sizes_of_the_table() {
    let ours: Vec<_> = Tag::ALL.iter().map(|tag| (tag.to_wire(), tag.value_len())).collect();
    assert_eq!(ours, OUCH_TAGS);
}

#[test]
fn one_byte_codes_are_those_of_the_tables() {
    macro_rules! codes {
        ($($type:ty, $codes:literal;)+) => {
            $({
                let ours: Vec<u8> = <$type>::ALL.iter().map(|value| value.to_wire()).collect();
                assert_eq!(ours, $codes, "{}", stringify!($type));
                for code in 0..=u8::MAX {
                    let known = <$type>::from_wire(code).map(<$type>::to_wire);
                    assert_eq!(known, ours.contains(&code).then_some(code), "{}", stringify!($type));
                }
            })+
        };
    }
    for code in 0..=u8::MAX {
        assert_eq!(itch::WireSide::from_wire(code).map(itch::WireSide::get), itch::Side::from_wire(code));
    }
    codes! {
        ouch::Side, b"BSTE";
        ouch::TimeInForce, b"0356E";
        ouch::Display, b"YNAZ";
        ouch::Capacity, b"APRO";
        ouch::CrossType, b"NOCHSREA";
        ouch::OrderState, b"LD";
        ouch::EventCode, b"SE";
        ouch::CancelReason, b"DEFGHIKQSTUXZe";
        ouch::BrokenReason, b"ECSX";
        ouch::RestateReason, b"RP";
        ouch::Liquidity, b"ARJkmOCHLM78u";
        itch::Side, b"BS";
        itch::EventCode, b"OSQMEC";
        itch::MarketCategory, b"QGSNAPZV ";
        itch::FinancialStatus, b"DEQSGHJKCN ";
        itch::IssueClassification, b"ABCFILNOPQRSTUVW";
        itch::Authenticity, b"PT";
        itch::LuldTier, b"12 ";
        itch::TradingState, b"HPQT";
        itch::RegShoAction, b"012";
        itch::MarketMakerMode, b"NPSRL";
        itch::ParticipantState, b"AEWSD";
        itch::BreachedLevel, b"123";
        itch::ReleaseQualifier, b"AC";
        itch::MarketCode, b"QBX";
        itch::OperationalHaltAction, b"HT";
        itch::CrossType, b"OCHA";
        itch::ImbalanceDirection, b"BSNO";
        itch::PriceVariation, b"L123456789ABC ";
        itch::InterestFlag, b"BSAN";
        soup::RejectCode, b"AS";
        YesNo, b"YN";
    }
    assert!(ouch::Side::ALL.iter().map(|side| side.is_buy()).eq([true, false, false, false]));
    assert_eq!((YesNo::from(true), YesNo::from(false)), (YesNo::Yes, YesNo::No));
}

#[test]
fn reject_reasons_fill_the_codes_from_1_to_0x33() {
    let codes: Vec<u16> = RejectReason::ALL.iter().map(|reason| reason.to_wire()).collect();
    assert_eq!(codes, (1..=0x33).collect::<Vec<u16>>());
    for code in 0..=0x100 {
        let reason = RejectReason::from_wire(code);
        assert_eq!(reason.map(RejectReason::to_wire), (1..=0x33).contains(&code).then_some(code));
    }
}
