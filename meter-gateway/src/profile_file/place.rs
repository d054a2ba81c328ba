//! Where a value stands in the device, by its transport: a register, a point of a SunSpec model, or a
//! path in a message. Keys of another transport are refused.

use crate::profile::{Function, Kind, Place, ProfileError, Transport, WordOrder};

use super::source::Source;
use super::tables::PointFile;

impl Source<'_> {
    pub(super) fn place(
        &self,
        key: &impl Fn(&str) -> String,
        point: &PointFile,
        transport: &Transport,
    ) -> Result<Place, ProfileError> {
        let needs = |name: &str| self.wrong(key(name), "a value", "nothing");
        let keys: [(&str, bool); 8] = [
            ("function", point.function.is_some()),
            ("address", point.address.is_some()),
            ("order", point.order.is_some()),
            ("model", point.model.is_some()),
            ("offset", point.offset.is_some()),
            ("scale_offset", point.scale_offset.is_some()),
            ("type", point.kind.is_some()),
            ("path", point.path.is_some()),
        ];
        let allowed: &[&str] = match transport {
            Transport::Modbus(_) => &["function", "address", "order", "type"],
            Transport::SunSpec { .. } => &["model", "offset", "scale_offset", "type"],
            Transport::Mqtt(_) => &["path"],
        };
        if let Some((name, _)) = keys
            .iter()
            .find(|(name, is)| *is && !allowed.contains(name))
        {
            return Err(self.wrong(
                key(name),
                format!("only {} for this transport", allowed.join(", ")),
                *name,
            ));
        }
        match transport {
            Transport::Modbus(_) => Ok(Place::Register {
                function: match point.function.as_deref() {
                    Some("holding") => Function::Holding,
                    Some("input") => Function::Input,
                    other => {
                        return Err(self.wrong(
                            key("function"),
                            "`holding` or `input`",
                            other.unwrap_or("nothing"),
                        ));
                    }
                },
                address: point.address.ok_or_else(|| needs("address"))?,
                kind: self.kind(key, point)?,
                order: match point.order.as_deref() {
                    Some("big") => WordOrder::Big,
                    Some("little") => WordOrder::Little,
                    other => {
                        return Err(self.wrong(
                            key("order"),
                            "`big` or `little`",
                            other.unwrap_or("nothing"),
                        ));
                    }
                },
            }),
            Transport::SunSpec { .. } => Ok(Place::Model {
                model: point.model.ok_or_else(|| needs("model"))?,
                offset: point.offset.ok_or_else(|| needs("offset"))?,
                kind: self.kind(key, point)?,
                scale_offset: point.scale_offset,
            }),
            Transport::Mqtt(_) => {
                let path = point.path.clone().ok_or_else(|| needs("path"))?;
                self.path(&key("path"), &path)?;
                Ok(Place::Path(path))
            }
        }
    }

    fn kind(&self, key: &impl Fn(&str) -> String, point: &PointFile) -> Result<Kind, ProfileError> {
        let kinds = [
            ("u16", Kind::U16),
            ("i16", Kind::I16),
            ("u32", Kind::U32),
            ("i32", Kind::I32),
            ("u64", Kind::U64),
            ("i64", Kind::I64),
            ("f32", Kind::F32),
            ("acc32", Kind::Acc32),
            ("acc64", Kind::Acc64),
        ];
        let name = point.kind.as_deref().unwrap_or("nothing");
        let known = || kinds.map(|(name, _)| name).join(", ");
        kinds
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, kind)| *kind)
            .ok_or_else(|| self.wrong(key("type"), known(), name))
    }
}
