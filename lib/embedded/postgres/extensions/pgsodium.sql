-- The keys, their views and the plain functions of libsodium. What another cipher can honestly do is done (random numbers,
-- SHA-2, HMAC, authenticated encryption by AES under a key of this server); every other cipher is refused.

do $$
declare
  one text;
begin
  foreach one in array array['pgsodium_keyiduser', 'pgsodium_keyholder', 'pgsodium_keymaker'] loop
    if not exists (select from pg_catalog.pg_roles where rolname = one) then
      execute format('create role %I nologin', one);
    end if;
  end loop;
end
$$;
grant pgsodium_keyholder to pgsodium_keymaker;
grant pgsodium_keyiduser to pgsodium_keyholder;
grant pgsodium_keymaker, pgsodium_keyholder, pgsodium_keyiduser to postgres with admin option;
grant usage on schema pgsodium to pgsodium_keyiduser;

create type pgsodium.key_status as enum ('default', 'valid', 'invalid', 'expired');
create type pgsodium.key_type as enum ('aead-ietf', 'aead-det', 'hmacsha512', 'hmacsha256', 'auth', 'shorthash',
  'generichash', 'kdf', 'secretbox', 'secretstream', 'stream_xchacha20');
create type pgsodium.crypto_box_keypair as (public bytea, secret bytea);
create type pgsodium.crypto_sign_keypair as (public bytea, secret bytea);
create type pgsodium.crypto_kx_keypair as (public bytea, secret bytea);
create type pgsodium.crypto_kx_session as (rx bytea, tx bytea);
create type pgsodium.crypto_signcrypt_keypair as (public bytea, secret bytea);
create type pgsodium.crypto_signcrypt_state_key as (state bytea, shared_key bytea);
create type pgsodium._key_id_context as (key_id bigint, key_context bytea);

create table pgsodium.key (
  id uuid primary key default gen_random_uuid(),
  status pgsodium.key_status default 'valid',
  created timestamptz not null default current_timestamp,
  expires timestamptz,
  key_type pgsodium.key_type,
  key_id bigserial,
  key_context bytea default 'pgsodium' check (length(key_context) = 8),
  name text unique,
  associated_data text default 'associated',
  raw_key bytea,
  raw_key_nonce bytea,
  parent_key uuid references pgsodium.key (id),
  comment text,
  user_data text
);
create index key_status_idx on pgsodium.key (status) where status in ('valid', 'default');
create unique index key_status_idx1 on pgsodium.key (status) where status = 'default';
create unique index key_key_id_key_context_key_type_idx on pgsodium.key (key_id, key_context, key_type);
create view pgsodium.valid_key as
select id, name, status, key_type, key_id, key_context, created, expires, associated_data from pgsodium.key
where status in ('valid', 'default') and (expires is null or expires > now());
select pg_catalog.pg_extension_config_dump('pgsodium.key', '');

create function pgsodium.version() returns text language sql as $$ select extversion from pg_extension where extname = 'pgsodium' $$;
create function pgsodium.create_key(
  key_type pgsodium.key_type default 'aead-det', name text default null, raw_key bytea default null,
  raw_key_nonce bytea default null, parent_key uuid default null, key_context bytea default 'pgsodium',
  expires timestamptz default null, associated_data text default ''
) returns pgsodium.valid_key language sql security definer set search_path = pg_catalog, pg_temp as $$
  with made as (
    insert into pgsodium.key (key_type, name, raw_key, raw_key_nonce, parent_key, key_context, expires, associated_data)
    values (key_type, name, raw_key, raw_key_nonce, parent_key, key_context, expires, associated_data) returning *)
  select (id, name, status, key_type, key_id, key_context, created, expires, associated_data)::pgsodium.valid_key from made
$$;
create function pgsodium.get_key_by_id(uuid) returns pgsodium.valid_key language sql stable set search_path = pg_catalog, pg_temp as $$
  select k from pgsodium.valid_key k where id = $1
$$;
create function pgsodium.get_key_by_name(text) returns pgsodium.valid_key language sql stable set search_path = pg_catalog, pg_temp as $$
  select k from pgsodium.valid_key k where name = $1
$$;

create function pgsodium.randombytes_buf(size integer) returns bytea language sql volatile set search_path = pg_catalog, pg_temp as $$
  select pg_catalog.substr(coalesce(pg_catalog.string_agg(
    pg_catalog.sha256(pg_catalog.uuid_send(pg_catalog.gen_random_uuid()) || pg_catalog.uuid_send(pg_catalog.gen_random_uuid())
      || pg_catalog.uuid_send(pg_catalog.gen_random_uuid())), ''), ''), 1, size)
  from pg_catalog.generate_series(1, (size + 31) / 32)
$$;
create function pgsodium.randombytes_new_seed() returns bytea language sql volatile as $$ select pgsodium.randombytes_buf(32) $$;
create function pgsodium.randombytes_random() returns integer language sql volatile as $$
  select ('x' || encode(pgsodium.randombytes_buf(4), 'hex'))::bit(32)::integer
$$;
create function pgsodium.randombytes_uniform(upper_bound integer) returns integer language sql volatile as $$
  select (('x' || encode(pgsodium.randombytes_buf(7), 'hex'))::bit(56)::bigint % upper_bound)::integer
$$;
create function pgsodium.crypto_hash_sha256(message bytea) returns bytea language sql immutable as $$ select sha256(message) $$;
create function pgsodium.crypto_hash_sha512(message bytea) returns bytea language sql immutable as $$ select sha512(message) $$;
create function pgsodium.crypto_aead_det_keygen() returns bytea language sql volatile as $$ select pgsodium.randombytes_buf(64) $$;
create function pgsodium.crypto_aead_det_noncegen() returns bytea language sql volatile as $$ select pgsodium.randombytes_buf(16) $$;
create function pgsodium.crypto_secretbox_keygen() returns bytea language sql volatile as $$ select pgsodium.randombytes_buf(32) $$;
create function pgsodium.crypto_auth_keygen() returns bytea language sql volatile as $$ select pgsodium.randombytes_buf(32) $$;

create function pgsodium._stand_in_crypto(what text, message bytea, key bytea, start bytea) returns bytea
language plpgsql volatile set search_path = pg_catalog, pg_temp as $$
declare
  home text := (select format('%I', n.nspname) from pg_catalog.pg_extension e
    join pg_catalog.pg_namespace n on n.oid = e.extnamespace where e.extname = 'pgcrypto');
  answer bytea;
begin
  if home is null then
    raise exception using errcode = '0A000', message = 'simulated: pgsodium needs the extension pgcrypto here',
      hint = 'create extension pgcrypto with schema extensions';
  end if;
  execute format(case what when 'hmac256' then 'select %s.hmac($1, $2, ''sha256''::text)' when 'hmac512' then 'select %s.hmac($1, $2, ''sha512''::text)'
    when 'encrypt' then 'select %s.encrypt_iv($1, $2, $3, ''aes-cbc/pad:pkcs''::text)'
    else 'select %s.decrypt_iv($1, $2, $3, ''aes-cbc/pad:pkcs''::text)' end, home) into answer using message, key, start;
  return answer;
end
$$;
create function pgsodium._stand_in_key(key_id bigint, context bytea) returns bytea
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select pg_catalog.sha256(pg_catalog.convert_to(
      coalesce((select rolpassword from pg_catalog.pg_authid where oid = 10), '')
      || (select system_identifier from pg_catalog.pg_control_system()) || ':' || key_id || ':', 'UTF8') || context)
$$;
revoke all on function pgsodium._stand_in_key from public;

create function pgsodium.crypto_auth_hmacsha256(message bytea, secret bytea) returns bytea language sql as $$
  select pgsodium._stand_in_crypto('hmac256', message, secret, null)
$$;
create function pgsodium.crypto_auth_hmacsha512(message bytea, secret bytea) returns bytea language sql as $$
  select pgsodium._stand_in_crypto('hmac512', message, secret, null)
$$;
create function pgsodium.crypto_auth_hmacsha256_verify(hash bytea, message bytea, secret bytea) returns boolean language sql as $$
  select hash = pgsodium.crypto_auth_hmacsha256(message, secret)
$$;
create function pgsodium.crypto_auth_hmacsha512_verify(hash bytea, message bytea, secret bytea) returns boolean language sql as $$
  select hash = pgsodium.crypto_auth_hmacsha512(message, secret)
$$;

create function pgsodium.crypto_aead_det_encrypt(message bytea, additional bytea, key bytea, nonce bytea default null)
returns bytea language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  tag bytea := substr(pgsodium._stand_in_crypto('hmac256', coalesce(nonce, '')
    || pg_catalog.int4send(length(coalesce(additional, ''))) || coalesce(additional, '') || message, key, null), 1, 16);
begin
  return tag || pgsodium._stand_in_crypto('encrypt', message, pg_catalog.sha256(key), tag);
end
$$;
create function pgsodium.crypto_aead_det_decrypt(ciphertext bytea, additional bytea, key bytea, nonce bytea default null)
returns bytea language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  opened bytea;
begin
  begin
    opened := pgsodium._stand_in_crypto('decrypt', substr(ciphertext, 17), pg_catalog.sha256(key), substr(ciphertext, 1, 16));
  exception when external_routine_invocation_exception then
    opened := null;
  end;
  if opened is null or pgsodium.crypto_aead_det_encrypt(opened, additional, key, nonce) <> ciphertext then
    raise exception using errcode = '22000', message = 'pgsodium_crypto_aead_det_decrypt: invalid ciphertext';
  end if;
  return opened;
end
$$;
create function pgsodium.crypto_aead_det_encrypt(
  message bytea, additional bytea, key_id bigint, context bytea default 'pgsodium', nonce bytea default null
) returns bytea language sql immutable security definer set search_path = pg_catalog, pg_temp as $$
  select pgsodium.crypto_aead_det_encrypt(message, additional, pgsodium._stand_in_key(key_id, context), nonce)
$$;
create function pgsodium.crypto_aead_det_decrypt(
  message bytea, additional bytea, key_id bigint, context bytea default 'pgsodium', nonce bytea default null
) returns bytea language sql immutable security definer set search_path = pg_catalog, pg_temp as $$
  select pgsodium.crypto_aead_det_decrypt(message, additional, pgsodium._stand_in_key(key_id, context), nonce)
$$;
create function pgsodium.crypto_aead_det_encrypt(message bytea, additional bytea, key_uuid uuid, nonce bytea)
returns bytea language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  own record;
begin
  select k.key_id, k.key_context into strict own from pgsodium.valid_key k where k.id = key_uuid;
  return pgsodium.crypto_aead_det_encrypt(message, additional, own.key_id, own.key_context, nonce);
end
$$;
create function pgsodium.crypto_aead_det_decrypt(message bytea, additional bytea, key_uuid uuid, nonce bytea)
returns bytea language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  own record;
begin
  select k.key_id, k.key_context into strict own from pgsodium.valid_key k where k.id = key_uuid;
  return pgsodium.crypto_aead_det_decrypt(message, additional, own.key_id, own.key_context, nonce);
end
$$;
create function pgsodium.crypto_aead_det_encrypt(message bytea, additional bytea, key_uuid uuid)
returns bytea language sql immutable as $$ select pgsodium.crypto_aead_det_encrypt(message, additional, key_uuid, null::bytea) $$;
create function pgsodium.crypto_aead_det_decrypt(message bytea, additional bytea, key_uuid uuid)
returns bytea language sql immutable as $$ select pgsodium.crypto_aead_det_decrypt(message, additional, key_uuid, null::bytea) $$;

do $do$
declare
  one text;
begin
  foreach one in array array[
    'crypto_secretbox_noncegen() returns bytea', 'crypto_secretbox(message bytea, nonce bytea, key bytea) returns bytea',
    'crypto_secretbox(message bytea, nonce bytea, key_id bigint, context bytea default ''pgsodium'') returns bytea',
    'crypto_secretbox_open(ciphertext bytea, nonce bytea, key bytea) returns bytea',
    'crypto_secretbox_open(message bytea, nonce bytea, key_id bigint, context bytea default ''pgsodium'') returns bytea',
    'crypto_box_new_keypair() returns pgsodium.crypto_box_keypair', 'crypto_box_noncegen() returns bytea',
    'crypto_box(message bytea, nonce bytea, public bytea, secret bytea) returns bytea',
    'crypto_box_open(ciphertext bytea, nonce bytea, public bytea, secret bytea) returns bytea',
    'crypto_box_seal(message bytea, public_key bytea) returns bytea',
    'crypto_box_seal_open(ciphertext bytea, public_key bytea, secret_key bytea) returns bytea',
    'crypto_sign_new_keypair() returns pgsodium.crypto_sign_keypair', 'crypto_sign(message bytea, key bytea) returns bytea',
    'crypto_sign_open(signed_message bytea, key bytea) returns bytea',
    'crypto_sign_detached(message bytea, key bytea) returns bytea',
    'crypto_sign_verify_detached(sig bytea, message bytea, key bytea) returns boolean',
    'crypto_pwhash(password bytea, salt bytea) returns bytea', 'crypto_pwhash_str(password bytea) returns bytea',
    'crypto_pwhash_str_verify(hashed_password bytea, password bytea) returns boolean', 'crypto_pwhash_saltgen() returns bytea',
    'crypto_generichash(message bytea, key bytea default null) returns bytea', 'crypto_generichash_keygen() returns bytea',
    'crypto_shorthash(message bytea, key bytea) returns bytea', 'crypto_shorthash_keygen() returns bytea',
    'crypto_auth(message bytea, key bytea) returns bytea', 'crypto_auth_verify(mac bytea, message bytea, key bytea) returns boolean',
    'crypto_kdf_keygen() returns bytea',
    'crypto_kdf_derive_from_key(subkey_size bigint, subkey_id bigint, context bytea, primary_key bytea) returns bytea',
    'derive_key(key_id bigint, key_len integer default 32, context bytea default ''pgsodium'') returns bytea',
    'crypto_aead_ietf_keygen() returns bytea', 'crypto_aead_ietf_noncegen() returns bytea',
    'crypto_aead_ietf_encrypt(message bytea, additional bytea, nonce bytea, key bytea) returns bytea',
    'crypto_aead_ietf_decrypt(message bytea, additional bytea, nonce bytea, key bytea) returns bytea',
    'crypto_aead_ietf_encrypt(message bytea, additional bytea, nonce bytea, key_uuid uuid) returns bytea',
    'crypto_aead_ietf_decrypt(message bytea, additional bytea, nonce bytea, key_uuid uuid) returns bytea',
    'crypto_stream_xchacha20_keygen() returns bytea', 'crypto_kx_new_keypair() returns pgsodium.crypto_kx_keypair',
    'crypto_kx_new_seed() returns bytea',
    'mask_role(masked_role regrole, source_name text, view_name text) returns void', 'update_masks(debug boolean default false) returns void',
    'update_mask(target oid, debug boolean default false) returns void']
  loop
    execute format('create function pgsodium.%s language plpgsql as %L', one,
      format('begin raise exception using errcode = ''0A000'', message = %L; end',
        format('simulated: pgsodium.%s is not carried out by the embedded platform', split_part(one, '(', 1))));
  end loop;
  for one in select oid::regprocedure from pg_catalog.pg_proc
    where pronamespace = 'pgsodium'::regnamespace and proname ~ '^(crypto|derive|create_key|get_key|random)'
  loop
    execute format('revoke all on function %s from public', one);
    execute format('grant execute on function %s to pgsodium_keymaker, pgsodium_keyholder', one);
    if one ~ 'crypto_aead_det|get_key' then
      execute format('grant execute on function %s to pgsodium_keyiduser', one);
    end if;
  end loop;
end
$do$;
grant select on pgsodium.key, pgsodium.valid_key to pgsodium_keyiduser;
grant insert, update, delete on pgsodium.key to pgsodium_keymaker;
grant execute on function pgsodium.crypto_aead_det_encrypt(bytea, bytea, uuid, bytea),
  pgsodium.crypto_aead_det_decrypt(bytea, bytea, uuid, bytea), pgsodium.crypto_aead_det_keygen() to service_role;
