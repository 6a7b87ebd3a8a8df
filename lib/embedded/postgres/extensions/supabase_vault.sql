-- Secrets, encrypted where they lie. Hosted holds the root key in a file of the server and encrypts by libsodium; here
-- the key is made from what only a superuser reads (the stored verifier of its own password), so that it is one per
-- server, as hosted's is, and AES with an HMAC over everything stands for the cipher.

create function vault._stand_in_pgcrypto() returns text language plpgsql stable set search_path = pg_catalog, pg_temp as $$
declare
  found text := (select format('%I', n.nspname) from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = 'pgcrypto');
begin
  if found is null then
    raise exception using errcode = '0A000', message = 'simulated: supabase_vault needs the extension pgcrypto here',
      hint = 'create extension pgcrypto with schema extensions';
  end if;
  return found;
end
$$;

create function vault._stand_in_key(key_id bigint, context bytea) returns bytea
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select pg_catalog.sha256(pg_catalog.convert_to(
      coalesce((select rolpassword from pg_catalog.pg_authid where oid = 10), '')
      || (select system_identifier from pg_catalog.pg_control_system()) || ':' || key_id || ':', 'UTF8') || context)
$$;

create function vault._crypto_aead_det_noncegen() returns bytea language sql volatile set search_path = pg_catalog, pg_temp as $$
  select pg_catalog.decode(pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', ''), 'hex')
$$;

-- The first 16 bytes are an HMAC over nonce, additional data and message; they are also the cipher's start value.
create function vault._crypto_aead_det_encrypt(
  message bytea, additional bytea, key_id bigint, context bytea default 'pgsodium', nonce bytea default null
) returns bytea language plpgsql immutable security definer set search_path = pg_catalog, pg_temp as $$
declare
  key bytea := vault._stand_in_key(key_id, context);
  crypto text := vault._stand_in_pgcrypto();
  tag bytea;
  sealed bytea;
begin
  execute format('select substr(%s.hmac($1, $2, ''sha256''::text), 1, 16)', crypto) into tag
    using coalesce(nonce, '') || pg_catalog.int4send(length(coalesce(additional, ''))) || coalesce(additional, '') || message, key;
  execute format('select %s.encrypt_iv($1, $2, $3, ''aes-cbc/pad:pkcs''::text)', crypto) into sealed using message, key, tag;
  return tag || sealed;
end
$$;

create function vault._crypto_aead_det_decrypt(
  message bytea, additional bytea, key_id bigint, context bytea default 'pgsodium', nonce bytea default null
) returns bytea language plpgsql immutable security definer set search_path = pg_catalog, pg_temp as $$
declare
  opened bytea;
begin
  begin
    execute format('select %s.decrypt_iv($1, $2, $3, ''aes-cbc/pad:pkcs''::text)', vault._stand_in_pgcrypto()) into opened
      using substr(message, 17), vault._stand_in_key(key_id, context), substr(message, 1, 16);
  exception when external_routine_invocation_exception then
    opened := null;
  end;
  if opened is null or vault._crypto_aead_det_encrypt(opened, additional, key_id, context, nonce) <> message then
    raise exception using errcode = '22000', message = 'pgsodium_crypto_aead_det_decrypt_by_id: invalid ciphertext';
  end if;
  return opened;
end
$$;

create table vault.secrets (
  id uuid primary key default gen_random_uuid(),
  name text,
  description text not null default '',
  secret text not null,
  key_id uuid,
  nonce bytea default vault._crypto_aead_det_noncegen(),
  created_at timestamptz not null default current_timestamp,
  updated_at timestamptz not null default current_timestamp
);
comment on table vault.secrets is 'Table with encrypted `secret` column for storing sensitive information on disk.';
create unique index secrets_name_idx on vault.secrets (name) where name is not null;

create view vault.decrypted_secrets as
select s.id, s.name, s.description, s.secret,
  convert_from(vault._crypto_aead_det_decrypt(
    message => decode(s.secret, 'base64'), additional => convert_to(s.id::text, 'utf8'), key_id => 0,
    context => 'pgsodium'::bytea, nonce => s.nonce), 'utf8') as decrypted_secret,
  s.key_id, s.nonce, s.created_at, s.updated_at
from vault.secrets s;

create function vault.create_secret(
  new_secret text, new_name text default null, new_description text default '', new_key_id uuid default null
) returns uuid language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  own uuid := pg_catalog.gen_random_uuid();
  own_nonce bytea := vault._crypto_aead_det_noncegen();
begin
  insert into vault.secrets (id, secret, name, description, nonce)
  values (own, encode(vault._crypto_aead_det_encrypt(
    convert_to(new_secret, 'utf8'), convert_to(own::text, 'utf8'), 0, 'pgsodium', own_nonce), 'base64'),
    new_name, new_description, own_nonce);
  return own;
end
$$;

create function vault.update_secret(
  secret_id uuid, new_secret text default null, new_name text default null, new_description text default null,
  new_key_id uuid default null
) returns void language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  update vault.secrets s set
    secret = coalesce(encode(vault._crypto_aead_det_encrypt(
      convert_to(new_secret, 'utf8'), convert_to(s.id::text, 'utf8'), 0, 'pgsodium', s.nonce), 'base64'), s.secret),
    name = coalesce(new_name, s.name),
    description = coalesce(new_description, s.description),
    updated_at = now()
  where s.id = secret_id;
end
$$;

revoke all on all functions in schema vault from public;
grant usage on schema vault to postgres with grant option;
grant usage on schema vault to service_role;
grant select, delete, truncate, references on vault.secrets, vault.decrypted_secrets to postgres with grant option;
grant select, delete on vault.secrets, vault.decrypted_secrets to service_role;
grant execute on function vault.create_secret, vault.update_secret, vault._crypto_aead_det_decrypt
  to postgres with grant option;
grant execute on function vault.create_secret, vault.update_secret, vault._crypto_aead_det_decrypt to service_role;

select pg_catalog.pg_extension_config_dump('vault.secrets', '');
