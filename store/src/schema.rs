//! The tables as diesel sees them: the twin of `migrations/`, kept equal by a test that reads every
//! column of every table.

diesel::table! {
    meta (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    zones (zone) {
        zone -> Text,
        rules -> Text,
    }
}

diesel::table! {
    zone_documents (hash) {
        hash -> Binary,
        zone -> Text,
        valid_from_s -> BigInt,
        document -> Binary,
    }
}

diesel::table! {
    homes (home) {
        home -> BigInt,
        zone -> Text,
        name -> Text,
        address -> Binary,
        preference -> Text,
        preference_version -> BigInt,
        has_battery -> BigInt,
        has_generation -> BigInt,
    }
}

diesel::table! {
    gateways (gateway) {
        gateway -> Binary,
        zone -> Text,
        name -> Text,
        public_key -> Binary,
    }
}

diesel::table! {
    enrolments (token_hash) {
        token_hash -> Binary,
        home -> BigInt,
        role -> BigInt,
        profile -> Text,
        expires_s -> BigInt,
        gateway -> Nullable<Binary>,
        public_key -> Nullable<Binary>,
    }
}

diesel::table! {
    meters (meter) {
        meter -> Binary,
        home -> BigInt,
        gateway -> Binary,
        role -> BigInt,
        profile -> Text,
        power_w_max -> BigInt,
        frozen -> BigInt,
    }
}

diesel::table! {
    users (login) {
        login -> Text,
        password_hash -> Text,
        role -> BigInt,
        home -> Nullable<BigInt>,
    }
}

diesel::table! {
    sessions (token_hash) {
        token_hash -> Binary,
        login -> Text,
        expires_s -> BigInt,
    }
}

diesel::table! {
    reading_batches (id) {
        id -> BigInt,
        gateway -> Binary,
        sequence -> BigInt,
        hash -> Binary,
        previous -> Binary,
        signed -> Binary,
        zone_document -> Binary,
        received_ms -> BigInt,
        complete -> BigInt,
    }
}

diesel::table! {
    readings (meter, sequence) {
        meter -> Binary,
        sequence -> BigInt,
        time_ms -> BigInt,
        import_wh -> Nullable<BigInt>,
        export_wh -> Nullable<BigInt>,
        pv_wh -> Nullable<BigInt>,
        power_w -> Nullable<BigInt>,
        soc_permille -> Nullable<BigInt>,
        voltage_mv -> Nullable<BigInt>,
        hash -> Binary,
        previous -> Binary,
        batch -> BigInt,
        place -> BigInt,
        bytes -> Binary,
    }
}

diesel::table! {
    refused_readings (batch, place) {
        batch -> BigInt,
        place -> BigInt,
        meter -> Binary,
        sequence -> BigInt,
        time_ms -> BigInt,
        reason -> Nullable<BigInt>,
        hash -> Binary,
        bytes -> Binary,
    }
}

diesel::table! {
    equivocations (meter, sequence, second_hash) {
        meter -> Binary,
        sequence -> BigInt,
        first_hash -> Binary,
        second_hash -> Binary,
        found_ms -> BigInt,
    }
}

diesel::table! {
    rejected_messages (id) {
        id -> BigInt,
        hash -> Binary,
        received_ms -> BigInt,
        source -> Text,
        reason -> Text,
        bytes -> Binary,
    }
}

diesel::table! {
    leases (zone) {
        zone -> Text,
        holder -> Text,
        epoch -> BigInt,
        expires_ms -> BigInt,
    }
}

diesel::table! {
    intervals (zone, start_s) {
        zone -> Text,
        start_s -> BigInt,
        end_s -> BigInt,
        state -> BigInt,
        price -> Nullable<BigInt>,
        price_lo -> Nullable<BigInt>,
        price_hi -> Nullable<BigInt>,
        quantity_wh -> BigInt,
        certificate_hash -> Binary,
        rows_root -> Binary,
        clearing -> Binary,
        journal_number -> BigInt,
        content_hash -> Binary,
        cleared_at_ms -> BigInt,
        lease_epoch -> BigInt,
    }
}

diesel::table! {
    order_rows (zone, start_s, place) {
        zone -> Text,
        start_s -> BigInt,
        place -> BigInt,
        order_id -> Binary,
        home -> BigInt,
        side -> BigInt,
        quantity_wh -> BigInt,
        price -> BigInt,
        fill_wh -> BigInt,
        bytes -> Binary,
    }
}

diesel::table! {
    home_results (zone, start_s, home) {
        zone -> Text,
        start_s -> BigInt,
        home -> BigInt,
        import_wh -> Nullable<BigInt>,
        export_wh -> Nullable<BigInt>,
        bought_wh -> BigInt,
        sold_wh -> BigInt,
        cash -> BigInt,
        utility_bill -> BigInt,
        without_market -> BigInt,
        verified_wh -> BigInt,
        closing_sequence -> Nullable<BigInt>,
        closing_hash -> Nullable<Binary>,
        detail -> Text,
    }
}

diesel::table! {
    home_corrections (zone, start_s, version) {
        zone -> Text,
        start_s -> BigInt,
        version -> BigInt,
        home -> BigInt,
        import_difference_wh -> BigInt,
        export_difference_wh -> BigInt,
        detail -> Text,
    }
}

diesel::table! {
    journal_entries (zone, number) {
        zone -> Text,
        number -> BigInt,
        start_s -> BigInt,
        version -> BigInt,
        hash -> Binary,
        previous -> Binary,
    }
}

diesel::table! {
    journal_lines (zone, number, line) {
        zone -> Text,
        number -> BigInt,
        line -> BigInt,
        account -> BigInt,
        asset -> BigInt,
        kind -> BigInt,
        amount -> BigInt,
    }
}

diesel::table! {
    account_states (zone, number, account) {
        zone -> Text,
        account -> BigInt,
        number -> BigInt,
        verified_wh -> BigInt,
        carry_wh -> BigInt,
        credited_wh -> BigInt,
        retired_wh -> BigInt,
        cash -> BigInt,
    }
}

diesel::table! {
    contracts (name) {
        name -> Text,
        chain_id -> BigInt,
        address -> Binary,
        deployer -> Binary,
        deploy_nonce -> BigInt,
        block -> BigInt,
    }
}

diesel::table! {
    transactions (sender, nonce) {
        sender -> Binary,
        nonce -> BigInt,
        purpose -> Text,
        raw -> Binary,
        hash -> Binary,
        state -> BigInt,
        block -> Nullable<BigInt>,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    settlement_batches (number) {
        number -> BigInt,
        settled_to_s -> BigInt,
        root -> Binary,
        parent_root -> Binary,
        header -> Binary,
        home_leaves -> Binary,
        evidence_leaves -> Binary,
        market_leaves -> Binary,
        credited_wh -> BigInt,
        minted_wh -> BigInt,
        carry_wh -> BigInt,
        journal_through -> Text,
        state -> BigInt,
        tx_hash -> Nullable<Binary>,
        final_at_s -> Nullable<BigInt>,
    }
}

diesel::table! {
    escrow_events (block, log_index) {
        block -> BigInt,
        log_index -> BigInt,
        tx_hash -> Binary,
        address -> Binary,
        kind -> BigInt,
        units -> BigInt,
    }
}

diesel::table! {
    chain_cursors (name) {
        name -> Text,
        block -> BigInt,
        block_hash -> Binary,
    }
}

diesel::table! {
    final_roots (number) {
        number -> BigInt,
        root -> Binary,
        settled_to_s -> BigInt,
        block -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(homes, meters);
diesel::allow_tables_to_appear_in_same_query!(sessions, users);
diesel::allow_tables_to_appear_in_same_query!(reading_batches, refused_readings);
diesel::allow_tables_to_appear_in_same_query!(journal_entries, journal_lines);

#[cfg(test)]
mod tests {
    use diesel::connection::SimpleConnection;
    use diesel::prelude::*;
    use diesel::sqlite::Sqlite;

    macro_rules! check_tables {
        ($connection:ident: $($table:ident),+ $(,)?) => {$(
            let query = super::$table::table.select(super::$table::all_columns);
            let sql = diesel::debug_query::<Sqlite, _>(&query).to_string();
            let sql = sql.split(" -- binds").next().expect("has a first part").to_owned();
            $connection.batch_execute(&sql).expect(stringify!($table));
            let here = sql.matches(concat!("`", stringify!($table), "`.`")).count();
            let there = diesel::dsl::sql::<diesel::sql_types::BigInt>(
                concat!("(SELECT count(*) FROM pragma_table_info('", stringify!($table), "'))"),
            );
            let there: i64 = diesel::select(there).get_result(&mut $connection).expect("counted");
            assert_eq!(i64::try_from(here), Ok(there), "columns of {}", stringify!($table));
        )+};
    }

    #[test]
    fn every_column_is_there_and_no_other() {
        let mut c = crate::connection::migrated_in_memory();
        check_tables!(c:
            meta, zones, zone_documents, homes, gateways, enrolments, meters, users, sessions,
            reading_batches, readings, refused_readings, equivocations, rejected_messages,
            leases, intervals, order_rows, home_results, home_corrections, journal_entries, journal_lines,
            account_states, contracts, transactions, settlement_batches, escrow_events, chain_cursors, final_roots,
        );
    }
}
