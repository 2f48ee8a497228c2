use crate::data::error::DataError;
use crate::data::location::SourceLocation;

impl DataError {
    /// Returns the location of the row that the error is about, if it is about one.
    pub fn location(&self) -> Option<&SourceLocation> {
        match self {
            Self::Encoding { location, .. }
            | Self::Header { location, .. }
            | Self::RepeatedField { location, .. }
            | Self::FieldCount { location, .. }
            | Self::Quoted { location, .. }
            | Self::Separator { location, .. }
            | Self::OpenQuote { location }
            | Self::TooManyFields { location, .. }
            | Self::TextAfterQuote { location, .. }
            | Self::Json { location, .. }
            | Self::NestedRow { location, .. }
            | Self::UnknownField { location, .. }
            | Self::FieldKind { location, .. }
            | Self::UnknownLabel { location, .. }
            | Self::UnseenLabel { location, .. }
            | Self::NoLabel { location, .. }
            | Self::LabelsAlike { location, .. }
            | Self::LabelsLookAlike { location, .. }
            | Self::JoinedLabels { location, .. }
            | Self::SeveralLabels { location, .. }
            | Self::NoText { location, .. }
            | Self::Score { location, .. } => Some(location),
            _ => None,
        }
    }
}
