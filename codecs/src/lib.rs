//! corelane-codecs
