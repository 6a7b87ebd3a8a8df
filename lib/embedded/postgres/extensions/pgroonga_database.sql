-- There is no Groonga database to remove.

create function @extschema@.pgroonga_database_remove() returns boolean language sql volatile strict as $$ select true $$;
