//! Files that are refused, and why: each names file, key, what was expected and what came.

use super::*;
use crate::shipped;

/// A shipped profile with one change is refused, and the message has all these parts.
fn refused(name: &str, from: &str, to: &str, parts: &[&str]) {
    let text = shipped::text(name).expect("shipped");
    assert!(text.contains(from), "{name} has `{from}`");
    let text = text.replacen(from, to, 1);
    let error = Profile::from_toml("mine.toml", &text)
        .expect_err(to)
        .to_string();
    for part in parts.iter().chain(&["mine.toml"]) {
        assert!(error.contains(part), "`{error}` should name `{part}`");
    }
}

#[test]
fn words_that_no_profile_has() {
    let sdm = |from: &str, to: &str, parts: &[&str]| refused("eastron-sdm630", from, to, parts);
    sdm(
        "unit = \"kWh\"",
        "unit = \"kwh\"",
        &["].unit", "Wh, kWh, MWh", "`kwh`"],
    );
    sdm(
        "unit = \"W\"",
        "unit = \"Wh\"",
        &["].unit", "W, kW", "`Wh`"],
    );
    sdm(
        "quantity = \"import\"",
        "quantity = \"bezug\"",
        &["].quantity", "import", "`bezug`"],
    );
    sdm(
        "timeout_ms = ",
        "timeout_ms = 1 # ",
        &["modbus.timeout_ms", "10 to 60000", "`1`"],
    );
    sdm(
        "connect_delay_ms = 0",
        "connect_delay_ms = 99999",
        &["modbus.connect_delay_ms", "10000"],
    );
    sdm(
        "registers_max = 80",
        "registers_max = 200",
        &["modbus.registers_max", "125", "`200`"],
    );
    sdm(
        "serial = \"9600 8N1\"",
        "serial = \"9600\"",
        &["modbus.serial", "9600 8N1", "`9600`"],
    );
    sdm(
        "serial = \"9600 8N1\"",
        "units = []",
        &["modbus.units", "at least one"],
    );
    sdm(
        "name = \"eastron-sdm630\"",
        "name = \"SDM 630\"",
        &["`name`", "small letters"],
    );
    sdm(
        "title = \"Eastron",
        "title = \" \" # \"",
        &["`title`", "in words"],
    );
    sdm(
        "power_max_w = 69000",
        "power_max_w = 0",
        &["power_max_w", "above 0"],
    );
    sdm(
        "status = \"two sources agree\"",
        "status = \"sure\"",
        &["provenance.status", "two sources agree", "`sure`"],
    );
    sdm(
        "sources = [\"",
        "sources = [] # \"",
        &["provenance.sources", "at least one"],
    );
    let point = "type = \"f32\"\norder = \"big\"\ngroup = \"energy\"";
    sdm(
        point,
        &point.replace("f32", "float"),
        &["].type", "f32", "`float`"],
    );
    sdm(
        point,
        &point.replace("big", "middle"),
        &["].order", "little", "`middle`"],
    );
    sdm(
        point,
        &point.replace("order = \"big\"\n", ""),
        &["].order", "big, little", "`nothing`"],
    );
    sdm(
        point,
        &format!("{point}\nscale = \"0\""),
        &["].scale", "1/100", "`0`"],
    );
    sdm(
        point,
        &format!("{point}\nsign = \"minus\""),
        &["].sign", "negated, absolute", "`minus`"],
    );
    sdm(
        point,
        &format!("{point}\nzero = \"none\""),
        &["].zero", "`value` or `absent`"],
    );
    sdm(
        point,
        &format!("{point}\nuncertain = \"\""),
        &["].uncertain", "the reason"],
    );
    sdm(
        point,
        &format!("{point}\nrate_max_w = 0"),
        &["].rate_max_w", "above 0"],
    );
    sdm(
        "function = \"input\"\naddress = 0x0048",
        "function = \"coil\"\naddress = 0x0048",
        &["].function", "holding", "`coil`"],
    );
}

#[test]
fn keys_that_no_profile_has_are_named_with_their_line() {
    let sdm = |from: &str, to: &str, parts: &[&str]| refused("eastron-sdm630", from, to, parts);
    sdm(
        "quantity = \"import\"",
        "colour = 1\nquantity = \"import\"",
        &["unknown field `colour`", "address", "line "],
    );
    sdm(
        "gap_max = 2",
        "gap_max = 2\nspeed = 3",
        &["unknown field `speed`", "registers_max"],
    );
    sdm(
        "power_max_w = ",
        "power = ",
        &["unknown field `power`", "power_max_w"],
    );
    sdm(
        "address = 0x0048",
        "address = \"72\"",
        &["one value or a list", "line "],
    );
    sdm(
        "address = 0x0048",
        "address = 70000",
        &["0 to 65535", "line "],
    );
    sdm("title = ", "# ", &["missing field `title`"]);
    refused("eastron-sdm630", "[provenance]", "[provenance", &["line "]);
    sdm(
        "import_wh = ",
        "import_kwh = ",
        &["import_kwh", "import_wh, export_wh"],
    );
    sdm(
        "quantity = \"voltage_l1\"\nunit = \"V\"",
        "quantity = \"voltage_l1\"\nunit = \"V\"\nwrap_wh = 5",
        &["].wrap_wh", "not a counter", "`voltage_l1`"],
    );
}

#[test]
fn keys_of_another_transport() {
    refused(
        "eastron-sdm630",
        "address = 0x0048",
        "path = \"$.a\"",
        &["].path", "function, address"],
    );
    refused(
        "json-meter",
        "path = \"$.total_act\"",
        "address = 5",
        &["].address", "topic, path"],
    );
    refused(
        "json-meter",
        "path = \"$.total_act\"",
        "obis = \"1-0:1.8.0\"",
        &["].obis", "topic, path"],
    );
    refused(
        "json-meter",
        "path = \"$.total_act\"",
        "path = \"total_act\"",
        &["].path", "$.a.b[0]"],
    );
    refused(
        "dsmr-telegram",
        "obis = \"1-0:1.8.0\"",
        "obis = \"1.8.0\"",
        &["].obis", "1-0:1.8.1", "`1.8.0`"],
    );
    refused(
        "dsmr-telegram",
        "obis = \"1-0:1.8.0\"",
        "path = \"$\"",
        &["].path", "topic, obis"],
    );
    refused(
        "sunspec",
        "offset = 38",
        "offset = 38\norder = \"big\"",
        &["].order", "model, offset"],
    );
    refused(
        "eastron-sdm630",
        "[[identity]]",
        "[[identity]]\npath = \"$\"",
        &["identity[0].path", "address"],
    );
    refused(
        "eastron-sdm630",
        "[modbus]",
        "[mqtt]\ntopic = \"{device}\"\nstale_after_s = 1\n[modbus]",
        &["modbus, sunspec, mqtt", "exactly one", "2 of them"],
    );
}

#[test]
fn transports_that_cannot_be() {
    let json = |from: &str, to: &str, parts: &[&str]| refused("json-meter", from, to, parts);
    json(
        "topic = \"meters/{device}/status\"",
        "topic = \"meters/+/status\"",
        &["mqtt.topic", "{device}"],
    );
    json(
        "time_unit = \"s\"",
        "time_unit = \"h\"",
        &["mqtt.time_unit", "rfc3339", "`h`"],
    );
    json("time_path = \"$.ts\"", "", &["mqtt.time_unit", "time_path"]);
    json(
        "stale_after_s = 120",
        "stale_after_s = 0",
        &["mqtt.stale_after_s", "at least 1"],
    );
    json(
        "stale_after_s = 120",
        "stale_after_s = 120\npayload = \"xml\"",
        &["mqtt.payload", "json, telegram", "`xml`"],
    );
    json(
        "stale_after_s = 120",
        "stale_after_s = 120\n[[mqtt.topics]]\nname = \"a\"\ntopic = \"{device}\"",
        &["mqtt.topics", "either"],
    );
    json(
        "stale_after_s = 120",
        "stale_after_s = 120\nunnamed_evidence = true",
        &["mqtt.unnamed_evidence", "`pv`"],
    );
    refused(
        "dsmr-telegram",
        "payload = \"telegram\"",
        "payload = \"telegram\"\ntime_path = \"$.t\"",
        &["mqtt.time_path", "a telegram has its own"],
    );
    refused(
        "shelly-pro-3em",
        "name = \"live\"",
        "name = \"data\"",
        &["mqtt.topics[1]", "`data`"],
    );
    refused(
        "shelly-pro-3em",
        "topic = \"live\"\npath = \"$.total_act_power\"",
        "topic = \"power\"\npath = \"$.total_act_power\"",
        &["].topic", "data, live, rpc", "`power`"],
    );
    refused(
        "shelly-pro-3em",
        "topic = \"live\"\npath = \"$.total_act_power\"",
        "path = \"$.total_act_power\"",
        &["].topic", "data, live, rpc", "`nothing`"],
    );
    refused(
        "shelly-3em",
        "topic = [\"in1\", \"in2\", \"in3\"]\npath = \"$\"",
        "topic = [\"in1\", \"in2\"]\npath = [\"$\", \"$.a\", \"$.b\"]",
        &["].topic", "as many as there are"],
    );
    refused(
        "dsmr-reader",
        "label = [\"d1\", \"d2\"]",
        "label = [\"d1\"]",
        &["].label", "2", "`1`"],
    );
    refused(
        "dsmr-reader",
        "label = [\"r1\", \"r2\"]",
        "label = [\"d1\", \"r2\"]",
        &["].label", "no other place", "`d1`"],
    );
    refused(
        "sunspec",
        "bases = [40000, 0, 50000]",
        "bases = []",
        &["sunspec.bases", "at least one"],
    );
}

#[test]
fn identities_that_say_nothing() {
    let em24 =
        |from: &str, to: &str, parts: &[&str]| refused("carlo-gavazzi-em24-e1", from, to, parts);
    em24(
        "what = \"application\"",
        "what = \"model\"",
        &["identity[1].what", "no other check", "`model`"],
    );
    em24("expect = [7]\n", "", &["identity[1].expect", "`nothing`"]);
    em24(
        "expect = [7]",
        "expect = []",
        &["identity[1].expect", "another combination"],
    );
    em24(
        "expect = [7]",
        "expect = [\"H\"]",
        &["identity[1].expect", "numbers", "texts"],
    );
    em24(
        "expect = [7]",
        "expect = 7",
        &["a list of numbers or a list of texts"],
    );
    em24(
        "range = [80, 300]",
        "range = [300, 80]",
        &["].expect", "from low to high"],
    );
    em24(
        "type = \"text\"\nregisters = 7",
        "type = \"text\"",
        &["].registers", "1 to 60"],
    );
    em24(
        "expect = [7]",
        "expect = [7]\nregisters = 2",
        &["].registers", "for a number"],
    );
}

#[test]
fn profiles_that_could_not_settle() {
    refused(
        "sunspec",
        "scale_offset = 54\nzero = \"value\"\n",
        "scale_offset = 54\n",
        &["point[0].zero", "0 mean both"],
    );
    refused(
        "sunspec",
        "offset = 38",
        "offset = 1",
        &["].offset", "from 2 on"],
    );
    refused(
        "sunspec",
        "offset = 38",
        "offset = 124",
        &["].offset", "125"],
    );
    refused(
        "sunspec",
        "offset = 38",
        "offset = []",
        &["].offset", "a list of them", "`nothing`"],
    );
    refused(
        "sunspec",
        "[[point]]",
        "[[point]]\nquantity = \"pv\"\nunit = \"Wh\"\nfunction = \"holding\"\naddress = 5\ntype = \"u32\"\norder = \"big\"\n[[point]]",
        &["point[0].address", "a model and an offset"],
    );
    let victron = |from: &str, to: &str, parts: &[&str]| refused("victron-gx", from, to, parts);
    victron(
        "address = [2622, 2624, 2626]",
        "address = [2622, 2624, 2926]",
        &["].address", "at most 100"],
    );
    victron(
        "address = [2622, 2624, 2626]",
        "unit_id = 30\naddress = [2622, 2624, 2626]",
        &["].unit_id", "no other unit"],
    );
    victron(
        "quantity = \"export\"",
        "quantity = \"import\"",
        &["].quantity", "each quantity once", "`import`"],
    );
    refused(
        "eastron-sdm630",
        "group = \"energy\"",
        "group = \"more\"",
        &["].group", "another point", "`more`"],
    );
}

#[test]
fn import_and_export_of_two_instants() {
    let text = shipped::text("eastron-sdm630").expect("shipped");
    let apart = text.replace("group = \"energy\"\n", "").replacen(
        "address = 0x004A",
        "address = 0x0160",
        1,
    );
    let error = Profile::from_toml("mine.toml", &apart).expect_err("two requests");
    assert!(
        error
            .to_string()
            .contains("import and export in one request"),
        "{error}"
    );
}

#[test]
fn a_profile_without_golden_vectors_is_refused() {
    for name in shipped::names() {
        let text = shipped::text(name).expect("shipped");
        let text = text.split("[[golden]]").next().expect("a first part");
        let error = Profile::from_toml("mine.toml", text).expect_err("no golden vector");
        let file = "mine.toml".to_owned();
        assert_eq!(error, ProfileError::NoGolden { file });
    }
}

#[test]
fn a_profile_whose_golden_vectors_do_not_come_out_is_refused() {
    refused(
        "eastron-sdm630",
        "import_wh = ",
        "import_wh = 1 # ",
        &["import_wh", "expected 1, got"],
    );
    refused(
        "eastron-sdm630",
        "address = 0x0048",
        "address = 0x004A",
        &["import_wh", "expected"],
    );
    refused(
        "huawei-sun2000",
        "sign = \"absolute\"\n",
        "",
        &["export_wh", "from 0 on"],
    );
    refused(
        "huawei-sun2000",
        "sign = \"negated\"\n",
        "",
        &["power_w", "expected -3456, got 3456"],
    );
    refused(
        "carlo-gavazzi-em340",
        "order = \"little\"\nscale = \"1/10\"\n# \"EEE\"",
        "order = \"big\"\nscale = \"1/10\"\n# \"EEE\"",
        &["import_wh", "expected"],
    );
    refused(
        "abb-b23",
        "sentinels = [0x7FFFFFFF]\n",
        "",
        &["power_w", "expected absent"],
    );
    refused(
        "carlo-gavazzi-em24-e1",
        "must = true",
        "must = false",
        &["fails", "a device that can be read"],
    );
    refused(
        "dsmr-telegram",
        "minus_obis = \"1-0:2.7.0\"\n",
        "",
        &["power_w", "expected -1193, got 0"],
    );
    refused(
        "shelly-3em",
        "[\"in1\", \"in2\", \"in3\"]",
        "[\"in1\", \"in2\"]",
        &["import_wh"],
    );
    refused(
        "sunspec",
        "serial = \"CW-0002\"",
        "serial = \"CW-0003\"",
        &["serial", "expected CW-0003, got CW-0002"],
    );
}

#[test]
fn a_point_that_no_golden_vector_shows_is_refused() {
    let text = shipped::text("json-meter").expect("shipped");
    let without = text
        .replace("\"total_pv\": 345678.9, ", "")
        .replace("pv_wh = 345679, ", "");
    let error = Profile::from_toml("mine.toml", &without).expect_err("pv is not shown");
    let error = error.to_string();
    assert!(
        error.contains("`point[2]`") && error.contains("`pv`"),
        "{error}"
    );
}

#[test]
fn the_hash_changes_with_every_byte_of_the_file() {
    let text = shipped::text("eastron-sdm630").expect("shipped");
    let one = Profile::from_toml("a", text).expect("shipped");
    let other = Profile::from_toml("a", &format!("{text}\n")).expect("with a blank line");
    assert_ne!(one.hash8(), other.hash8());
}
