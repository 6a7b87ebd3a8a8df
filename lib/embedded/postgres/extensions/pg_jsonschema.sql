-- JSON Schema in SQL: the keywords that are listed below are checked for real, and any other is refused, so that no
-- document passes a rule that nobody looked at.

create function @extschema@._stand_in_is_type(document jsonb, wanted text) returns boolean language sql immutable strict as $$
  select case wanted
    when 'integer' then jsonb_typeof(document) = 'number' and (document #>> '{}')::numeric % 1 = 0
    else jsonb_typeof(document) = wanted end
$$;

create function @extschema@._stand_in_check_keywords(schema jsonb) returns void language plpgsql immutable strict as $$
declare
  unknown text;
begin
  select key into unknown from jsonb_object_keys(schema) as key
  where key not like 'x-%' and key <> all (array['$schema', '$id', '$comment', '$defs', 'definitions', '$ref', '$anchor',
    'title', 'description', 'default', 'examples', 'deprecated', 'readOnly', 'writeOnly', 'format', 'contentMediaType',
    'contentEncoding', 'type', 'enum', 'const', 'properties', 'required', 'additionalProperties', 'patternProperties',
    'propertyNames', 'minProperties', 'maxProperties', 'dependentRequired', 'items', 'prefixItems', 'minItems', 'maxItems',
    'uniqueItems', 'contains', 'minContains', 'maxContains', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum',
    'multipleOf', 'minLength', 'maxLength', 'pattern', 'allOf', 'anyOf', 'oneOf', 'not', 'if', 'then', 'else']) limit 1;
  if unknown is not null then
    raise exception using errcode = '0A000', message = format('simulated: the embedded platform''s pg_jsonschema has no keyword "%s"', unknown);
  elsif schema ? 'format' and schema ->> '$schema' ~ 'draft-0[3-7]' then
    raise exception using errcode = '0A000', message = 'simulated: the embedded platform''s pg_jsonschema checks no "format"';
  elsif jsonb_typeof(schema -> 'items') = 'array' then
    raise exception using errcode = '0A000', message = 'simulated: the embedded platform''s pg_jsonschema has no list of "items"';
  end if;
end
$$;

-- What is wrong with a document; a part of the schema that is reached by $ref is looked up in the root.
create function @extschema@._stand_in_errors(schema jsonb, document jsonb, root jsonb) returns setof text
language plpgsql immutable as $$
declare
  kind text := jsonb_typeof(document);
  plain text := document #>> '{}';
  one record;
  found bigint;
begin
  if jsonb_typeof(schema) = 'boolean' then
    if not schema::boolean then
      return next format('False schema does not allow %s', document);
    end if;
    return;
  elsif jsonb_typeof(schema) <> 'object' then
    raise exception using errcode = '22023', message = format('%s is no JSON Schema', schema);
  end if;
  perform @extschema@._stand_in_check_keywords(schema);

  if schema ? '$ref' then
    if schema ->> '$ref' !~ '^#' or root #> string_to_array(substr(schema ->> '$ref', 3), '/') is null then
      raise exception using errcode = '0A000', message = format('simulated: the embedded platform''s pg_jsonschema can''t follow "%s"', schema ->> '$ref');
    end if;
    return query select @extschema@._stand_in_errors(root #> string_to_array(substr(schema ->> '$ref', 3), '/'), document, root);
  end if;
  if schema ? 'type' and not exists (
    select from jsonb_array_elements_text(
      case jsonb_typeof(schema -> 'type') when 'array' then schema -> 'type' else jsonb_build_array(schema -> 'type') end) as wanted
    where @extschema@._stand_in_is_type(document, wanted))
  then
    return next format(case jsonb_typeof(schema -> 'type') when 'array' then '%s is not of types %s' else '%s is not of type %s' end,
      document, schema -> 'type');
  end if;
  if schema ? 'enum' and not exists (select from jsonb_array_elements(schema -> 'enum') as allowed where allowed = document) then
    return next format('%s is not one of %s', document, schema -> 'enum');
  end if;
  if schema ? 'const' and schema -> 'const' <> document then
    return next format('%s was expected', schema -> 'const');
  end if;

  if kind = 'number' then
    if plain::numeric < (schema ->> 'minimum')::numeric then
      return next format('%s is less than the minimum of %s', document, schema ->> 'minimum');
    end if;
    if plain::numeric > (schema ->> 'maximum')::numeric then
      return next format('%s is greater than the maximum of %s', document, schema ->> 'maximum');
    end if;
    if plain::numeric <= (schema ->> 'exclusiveMinimum')::numeric then
      return next format('%s is less than or equal to the minimum of %s', document, schema ->> 'exclusiveMinimum');
    end if;
    if plain::numeric >= (schema ->> 'exclusiveMaximum')::numeric then
      return next format('%s is greater than or equal to the maximum of %s', document, schema ->> 'exclusiveMaximum');
    end if;
    if plain::numeric % (schema ->> 'multipleOf')::numeric <> 0 then
      return next format('%s is not a multiple of %s', document, schema ->> 'multipleOf');
    end if;
  elsif kind = 'string' then
    if length(plain) < (schema ->> 'minLength')::numeric then
      return next format('%s is shorter than %s characters', document, schema ->> 'minLength');
    end if;
    if length(plain) > (schema ->> 'maxLength')::numeric then
      return next format('%s is longer than %s characters', document, schema ->> 'maxLength');
    end if;
    if plain !~ (schema ->> 'pattern') then
      return next format('%s does not match "%s"', document, schema ->> 'pattern');
    end if;
  elsif kind = 'array' then
    if jsonb_array_length(document) < (schema ->> 'minItems')::numeric then
      return next format('%s has less than %s items', document, schema ->> 'minItems');
    end if;
    if jsonb_array_length(document) > (schema ->> 'maxItems')::numeric then
      return next format('%s has more than %s items', document, schema ->> 'maxItems');
    end if;
    if (schema ->> 'uniqueItems')::boolean
      and (select count(*) <> count(distinct item) from jsonb_array_elements(document) as item)
    then
      return next format('%s has non-unique elements', document);
    end if;
    for one in select item, place from jsonb_array_elements(document) with ordinality as l (item, place) loop
      if one.place <= coalesce(jsonb_array_length(schema -> 'prefixItems'), 0) then
        return query select @extschema@._stand_in_errors(schema -> 'prefixItems' -> (one.place - 1)::integer, one.item, root);
      elsif schema ? 'items' then
        return query select @extschema@._stand_in_errors(schema -> 'items', one.item, root);
      end if;
    end loop;
    if schema ? 'contains' then
      select count(*) into found from jsonb_array_elements(document) as item
      where not exists (select @extschema@._stand_in_errors(schema -> 'contains', item, root));
      if found < coalesce((schema ->> 'minContains')::numeric, 1) or found > (schema ->> 'maxContains')::numeric then
        return next format('%s does not contain the wanted items', document);
      end if;
    end if;
  elsif kind = 'object' then
    return query select format('"%s" is a required property', wanted)
      from jsonb_array_elements_text(schema -> 'required') as wanted where not document ? wanted;
    select count(*) into found from jsonb_object_keys(document);
    if found < (schema ->> 'minProperties')::numeric then
      return next format('%s has less than %s properties', document, schema ->> 'minProperties');
    end if;
    if found > (schema ->> 'maxProperties')::numeric then
      return next format('%s has more than %s properties', document, schema ->> 'maxProperties');
    end if;
    return query select format('"%s" is a required property', wanted)
      from jsonb_each(schema -> 'dependentRequired') as d (name, list), jsonb_array_elements_text(list) as wanted
      where document ? d.name and not document ? wanted;
    for one in select key, value from jsonb_each(document) loop
      if schema -> 'properties' ? one.key then
        return query select @extschema@._stand_in_errors(schema -> 'properties' -> one.key, one.value, root);
      end if;
      return query select @extschema@._stand_in_errors(p.rule, one.value, root)
        from jsonb_each(schema -> 'patternProperties') as p (pattern, rule) where one.key ~ p.pattern;
      if schema ? 'additionalProperties' and not coalesce(schema -> 'properties' ? one.key, false)
        and not exists (select from jsonb_object_keys(schema -> 'patternProperties') as pattern where one.key ~ pattern)
      then
        if schema -> 'additionalProperties' = 'false' then
          return next format('Additional properties are not allowed (''%s'' was unexpected)', one.key);
        else
          return query select @extschema@._stand_in_errors(schema -> 'additionalProperties', one.value, root);
        end if;
      end if;
      if schema ? 'propertyNames' then
        return query select @extschema@._stand_in_errors(schema -> 'propertyNames', to_jsonb(one.key), root);
      end if;
    end loop;
  end if;

  return query select @extschema@._stand_in_errors(part, document, root) from jsonb_array_elements(schema -> 'allOf') as part;
  if schema ? 'anyOf' or schema ? 'oneOf' then
    for one in select key, count(*) filter (where not exists (select @extschema@._stand_in_errors(part, document, root))) as fits
      from jsonb_each(schema) as s (key, list), jsonb_array_elements(list) as part
      where key in ('anyOf', 'oneOf') group by key
    loop
      if one.fits = 0 then
        return next format('%s is not valid under any of the schemas listed in the ''%s'' keyword', document, one.key);
      elsif one.fits > 1 and one.key = 'oneOf' then
        return next format('%s is valid under more than one of the schemas listed in the ''oneOf'' keyword', document);
      end if;
    end loop;
  end if;
  if schema ? 'not' and not exists (select @extschema@._stand_in_errors(schema -> 'not', document, root)) then
    return next format('%s is not allowed for %s', schema -> 'not', document);
  end if;
  if schema ? 'if' then
    if exists (select @extschema@._stand_in_errors(schema -> 'if', document, root)) then
      return query select @extschema@._stand_in_errors(coalesce(schema -> 'else', 'true'), document, root);
    else
      return query select @extschema@._stand_in_errors(coalesce(schema -> 'then', 'true'), document, root);
    end if;
  end if;
end
$$;

create function @extschema@.json_matches_schema(schema json, instance json) returns boolean
language sql immutable strict parallel safe as $$
  select not exists (select @extschema@._stand_in_errors(schema::jsonb, instance::jsonb, schema::jsonb))
$$;
create function @extschema@.jsonb_matches_schema(schema json, instance jsonb) returns boolean
language sql immutable strict parallel safe as $$
  select not exists (select @extschema@._stand_in_errors(schema::jsonb, instance, schema::jsonb))
$$;
create function @extschema@.jsonschema_validation_errors(schema json, instance json) returns text[]
language sql immutable strict parallel safe as $$
  select array(select @extschema@._stand_in_errors(schema::jsonb, instance::jsonb, schema::jsonb))
$$;

-- A schema is a document too, which this one describes.
create function @extschema@.jsonschema_is_valid(schema json) returns boolean language sql immutable strict parallel safe as $$
  select not exists (select @extschema@._stand_in_errors(meta, schema::jsonb, meta))
  from (select $meta${
    "type": ["object", "boolean"],
    "$defs": {
      "list": {"type": "array", "minItems": 1, "items": {"$ref": "#"}},
      "map": {"type": "object", "additionalProperties": {"$ref": "#"}},
      "count": {"type": "integer", "minimum": 0},
      "names": {"type": "array", "uniqueItems": true, "items": {"type": "string"}},
      "kind": {"enum": ["array", "boolean", "integer", "null", "number", "object", "string"]}
    },
    "properties": {
      "type": {"anyOf": [{"$ref": "#/$defs/kind"},
        {"type": "array", "minItems": 1, "uniqueItems": true, "items": {"$ref": "#/$defs/kind"}}]},
      "enum": {"type": "array"}, "required": {"$ref": "#/$defs/names"}, "properties": {"$ref": "#/$defs/map"},
      "patternProperties": {"$ref": "#/$defs/map"}, "additionalProperties": {"$ref": "#"}, "propertyNames": {"$ref": "#"},
      "minProperties": {"$ref": "#/$defs/count"}, "maxProperties": {"$ref": "#/$defs/count"},
      "items": {"anyOf": [{"$ref": "#"}, {"$ref": "#/$defs/list"}]}, "prefixItems": {"$ref": "#/$defs/list"},
      "contains": {"$ref": "#"}, "minItems": {"$ref": "#/$defs/count"}, "maxItems": {"$ref": "#/$defs/count"},
      "uniqueItems": {"type": "boolean"}, "minimum": {"type": "number"}, "maximum": {"type": "number"},
      "exclusiveMinimum": {"type": "number"}, "exclusiveMaximum": {"type": "number"},
      "multipleOf": {"type": "number", "exclusiveMinimum": 0}, "minLength": {"$ref": "#/$defs/count"},
      "maxLength": {"$ref": "#/$defs/count"}, "pattern": {"type": "string"}, "format": {"type": "string"},
      "allOf": {"$ref": "#/$defs/list"}, "anyOf": {"$ref": "#/$defs/list"}, "oneOf": {"$ref": "#/$defs/list"},
      "not": {"$ref": "#"}, "if": {"$ref": "#"}, "then": {"$ref": "#"}, "else": {"$ref": "#"},
      "$defs": {"$ref": "#/$defs/map"}, "definitions": {"$ref": "#/$defs/map"}, "$ref": {"type": "string"}
    }
  }$meta$::jsonb) as m (meta)
$$;
