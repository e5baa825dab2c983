//! Hand-written SQL that diesel prepares once per connection and finds again by its type, without building its
//! text anew. (Diesel's own `sql_query` is prepared anew each time.)

/// `statement!(Name on Backend = "sql" (field: Type as SqlType) "sql" …; returning SqlType)`: text and bound
/// values in turn.
macro_rules! statement {
    ($(#[$doc:meta])* $name:ident on $backend:ty = $($text:literal $(($field:ident: $type:ty as $sql_type:ty))?)+
        $(; returning $row:ty)?) => {
        $(#[$doc])*
        struct $name<'a> { $($($field: &'a $type,)?)+ }

        impl diesel::query_builder::QueryFragment<$backend> for $name<'_> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, $backend>,
            ) -> diesel::QueryResult<()> {
                $(out.push_sql($text); $(out.push_bind_param::<$sql_type, _>(self.$field)?;)?)+
                Ok(())
            }
        }

        impl diesel::query_builder::QueryId for $name<'_> {
            type QueryId = $name<'static>;
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl<C> diesel::RunQueryDsl<C> for $name<'_> {}

        $(impl diesel::query_builder::Query for $name<'_> { type SqlType = $row; })?
    };
}

pub(super) use statement;
