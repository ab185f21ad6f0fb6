-- The first schema, as it was when revision 0001 was frozen. Made by tools/freeze_schema.py.

CREATE TABLE installation (
    one BOOLEAN NOT NULL,
    id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_installation PRIMARY KEY (one),
    CONSTRAINT ck_installation_one CHECK (one)
);

COMMENT ON COLUMN installation.one IS 'pii:none true: there is one installation';

COMMENT ON COLUMN installation.id IS 'pii:none random id of the installation';

COMMENT ON COLUMN installation.created_at IS 'pii:none when its first chain began';

CREATE TABLE audit_entry (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    actor_kind VARCHAR(10) NOT NULL,
    actor_id VARCHAR(200) NOT NULL,
    action VARCHAR(64) NOT NULL,
    object VARCHAR(200) NOT NULL,
    reason VARCHAR(64),
    body TEXT NOT NULL,
    entry BYTEA NOT NULL,
    xid BIGINT DEFAULT ((pg_current_xact_id())::text)::bigint NOT NULL,
    CONSTRAINT pk_audit_entry PRIMARY KEY (operator_id, id, at)
)
 PARTITION BY RANGE (at);

CREATE INDEX ix_audit_entry_operator_id_object ON audit_entry (operator_id, object);

CREATE INDEX ix_audit_entry_operator_id_xid ON audit_entry (operator_id, xid);

COMMENT ON COLUMN audit_entry.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN audit_entry.id IS 'pii:none id';

COMMENT ON COLUMN audit_entry.at IS 'pii:none when it was done';

COMMENT ON COLUMN audit_entry.actor_kind IS 'pii:none client, staff, system, cli';

COMMENT ON COLUMN audit_entry.actor_id IS 'pii:none id of who did it';

COMMENT ON COLUMN audit_entry.action IS 'pii:none what was done, a code';

COMMENT ON COLUMN audit_entry.object IS 'pii:none id of what it was done to';

COMMENT ON COLUMN audit_entry.reason IS 'pii:none why, a code';

COMMENT ON COLUMN audit_entry.body IS 'pii:none RFC 8785 JSON of the entry: ids and codes';

COMMENT ON COLUMN audit_entry.entry IS 'pii:none SHA-256 of the body';

COMMENT ON COLUMN audit_entry.xid IS 'pii:none transaction that wrote it';

CREATE TABLE audit_note (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    sealed BYTEA NOT NULL,
    kek_id BIGINT,
    CONSTRAINT pk_audit_note PRIMARY KEY (operator_id, id)
);

COMMENT ON COLUMN audit_note.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN audit_note.id IS 'pii:none id of the entry';

COMMENT ON COLUMN audit_note.sealed IS 'pii:sealed salt and note';

COMMENT ON COLUMN audit_note.kek_id IS 'pii:none key-encryption key of an operator''s note; null: the subject''s key';

CREATE TABLE audit_seal (
    operator_id UUID NOT NULL,
    n BIGINT NOT NULL,
    entry_id UUID NOT NULL,
    entry_at TIMESTAMP WITH TIME ZONE NOT NULL,
    link BYTEA NOT NULL,
    horizon BIGINT NOT NULL,
    sealed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_audit_seal PRIMARY KEY (operator_id, n),
    CONSTRAINT uq_audit_seal_operator_id_entry_id UNIQUE (operator_id, entry_id)
);

COMMENT ON COLUMN audit_seal.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN audit_seal.n IS 'pii:none number in the chain';

COMMENT ON COLUMN audit_seal.entry_id IS 'pii:none id of the entry';

COMMENT ON COLUMN audit_seal.entry_at IS 'pii:none instant of the entry, its partition';

COMMENT ON COLUMN audit_seal.link IS 'pii:none SHA-256 over the link before and the entry';

COMMENT ON COLUMN audit_seal.horizon IS 'pii:none transactions below it are sealed';

COMMENT ON COLUMN audit_seal.sealed_at IS 'pii:none when it was sealed';

CREATE TABLE audit_head (
    operator_id UUID NOT NULL,
    n BIGINT NOT NULL,
    link BYTEA NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    signature BYTEA NOT NULL,
    CONSTRAINT pk_audit_head PRIMARY KEY (operator_id, n)
);

COMMENT ON COLUMN audit_head.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN audit_head.n IS 'pii:none number of the entry';

COMMENT ON COLUMN audit_head.link IS 'pii:none link of that entry';

COMMENT ON COLUMN audit_head.at IS 'pii:none when it was signed';

COMMENT ON COLUMN audit_head.signature IS 'pii:none Ed25519, with the id of its key';

CREATE TABLE operator (
    id UUID NOT NULL,
    slug VARCHAR(40) NOT NULL,
    name VARCHAR(80) NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_operator PRIMARY KEY (id),
    CONSTRAINT uq_operator_slug UNIQUE (slug)
);

COMMENT ON COLUMN operator.id IS 'pii:none id';

COMMENT ON COLUMN operator.slug IS 'pii:none short name for commands';

COMMENT ON COLUMN operator.name IS 'pii:none name that messages show';

COMMENT ON COLUMN operator.created_at IS 'pii:none when it was added';

CREATE TABLE policy_version (
    version VARCHAR(32) NOT NULL,
    sources JSONB NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_policy_version PRIMARY KEY (version)
);

COMMENT ON COLUMN policy_version.version IS 'pii:none hash of the content';

COMMENT ON COLUMN policy_version.sources IS 'pii:none texts by file name';

COMMENT ON COLUMN policy_version.made_at IS 'pii:none when it was first published';

CREATE TABLE holding (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    registration_id UUID NOT NULL,
    line_id UUID,
    kind VARCHAR(16) NOT NULL,
    idx BYTEA NOT NULL,
    evidence VARCHAR(8) NOT NULL,
    state VARCHAR(10) NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    document_ends DATE,
    renewal_of UUID,
    scam_at TIMESTAMP WITH TIME ZONE,
    struck_at TIMESTAMP WITH TIME ZONE,
    lifted_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_holding PRIMARY KEY (operator_id, id),
    CONSTRAINT uq_holding_operator_id_registration_id_kind UNIQUE (operator_id, registration_id, kind),
    CONSTRAINT ck_holding_kind CHECK (kind IN ('document','personal_number','person','device','dealer')),
    CONSTRAINT ck_holding_state CHECK (state IN ('approved','live','closed','released')),
    CONSTRAINT ck_holding_evidence CHECK (evidence IN ('limited','full')),
    CONSTRAINT ck_holding_closed CHECK ((state = 'closed') = (closed_at IS NOT NULL))
);

CREATE INDEX ix_holding_idx ON holding (operator_id, idx, opened_at);

CREATE INDEX ix_holding_line ON holding (operator_id, line_id);

CREATE INDEX ix_holding_scam ON holding (operator_id, idx) WHERE scam_at IS NOT NULL;

COMMENT ON COLUMN holding.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN holding.id IS 'pii:none id';

COMMENT ON COLUMN holding.registration_id IS 'pii:none whose line it is';

COMMENT ON COLUMN holding.line_id IS 'pii:none the line, once there is one';

COMMENT ON COLUMN holding.kind IS 'pii:none what the index is of';

COMMENT ON COLUMN holding.idx IS 'pii:index keyed hash; of kind dealer: the dealer''s id';

COMMENT ON COLUMN holding.evidence IS 'pii:none what the line was granted on';

COMMENT ON COLUMN holding.state IS 'pii:none how far the line''s life is';

COMMENT ON COLUMN holding.opened_at IS 'pii:none when it was approved';

COMMENT ON COLUMN holding.closed_at IS 'pii:none when the line was closed';

COMMENT ON COLUMN holding.document_ends IS 'pii:none month in which the person''s document ends; kind person alone';

COMMENT ON COLUMN holding.renewal_of IS 'pii:none registration whose document this one seems to renew; kind document alone';

COMMENT ON COLUMN holding.scam_at IS 'pii:none when the line was last stopped for scam';

COMMENT ON COLUMN holding.struck_at IS 'pii:none when a scam was last confirmed; decays';

COMMENT ON COLUMN holding.lifted_at IS 'pii:none when the line was last reinstated, which undoes both';

CREATE TABLE decision (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    registration_id UUID NOT NULL,
    decided_by VARCHAR(8) NOT NULL,
    previous_id UUID,
    code VARCHAR(60),
    verdict VARCHAR(10) NOT NULL,
    score INTEGER NOT NULL,
    assurance VARCHAR(12) NOT NULL,
    evidence VARCHAR(8) NOT NULL,
    restricted_until TIMESTAMP WITH TIME ZONE,
    probation_until TIMESTAMP WITH TIME ZONE,
    policy_version VARCHAR(64) NOT NULL,
    signals JSONB NOT NULL,
    reasons JSONB NOT NULL,
    CONSTRAINT pk_decision PRIMARY KEY (operator_id, id, at)
)
 PARTITION BY RANGE (at);

CREATE INDEX ix_decision_registration ON decision (operator_id, registration_id, at);

COMMENT ON COLUMN decision.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN decision.id IS 'pii:none id';

COMMENT ON COLUMN decision.at IS 'pii:none when it was decided';

COMMENT ON COLUMN decision.registration_id IS 'pii:none what it is about';

COMMENT ON COLUMN decision.decided_by IS 'pii:none rules or person';

COMMENT ON COLUMN decision.previous_id IS 'pii:none the decision that a person looked at';

COMMENT ON COLUMN decision.code IS 'pii:none reason that a person gave';

COMMENT ON COLUMN decision.verdict IS 'pii:none approved, review or denied';

COMMENT ON COLUMN decision.score IS 'pii:none sum of weights';

COMMENT ON COLUMN decision.assurance IS 'pii:none how sure of the holder';

COMMENT ON COLUMN decision.evidence IS 'pii:none limited or full';

COMMENT ON COLUMN decision.restricted_until IS 'pii:none condition';

COMMENT ON COLUMN decision.probation_until IS 'pii:none condition';

COMMENT ON COLUMN decision.policy_version IS 'pii:none under which it was made';

COMMENT ON COLUMN decision.signals IS 'pii:none what was seen: counts and codes';

COMMENT ON COLUMN decision.reasons IS 'pii:none rules with value and threshold';

CREATE TABLE shared_holding (
    idx BYTEA NOT NULL,
    line_ref BYTEA NOT NULL,
    kind VARCHAR(10) NOT NULL,
    until TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_shared_holding PRIMARY KEY (idx, line_ref),
    CONSTRAINT ck_shared_holding_kind CHECK (kind IN ('document','person','msisdn','licence'))
);

CREATE INDEX ix_shared_holding_line ON shared_holding (line_ref);

COMMENT ON COLUMN shared_holding.idx IS 'pii:index keyed hash over all operators';

COMMENT ON COLUMN shared_holding.line_ref IS 'pii:index keyed hash of the line''s id';

COMMENT ON COLUMN shared_holding.kind IS 'pii:none what the index is of';

COMMENT ON COLUMN shared_holding.until IS 'pii:none until when it counts; infinity while it is open';

CREATE TABLE shared_ask (
    asker BYTEA NOT NULL,
    day DATE NOT NULL,
    asked BYTEA NOT NULL,
    CONSTRAINT pk_shared_ask PRIMARY KEY (asker, day, asked)
);

COMMENT ON COLUMN shared_ask.asker IS 'pii:index keyed hash of who asked';

COMMENT ON COLUMN shared_ask.day IS 'pii:none UTC day';

COMMENT ON COLUMN shared_ask.asked IS 'pii:index keyed hash of asker and identity';

CREATE TABLE erasure (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    reason VARCHAR(64) NOT NULL,
    CONSTRAINT pk_erasure PRIMARY KEY (operator_id, id)
);

COMMENT ON COLUMN erasure.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN erasure.id IS 'pii:none id of the subscriber';

COMMENT ON COLUMN erasure.at IS 'pii:none when it was erased';

COMMENT ON COLUMN erasure.reason IS 'pii:none why, a code';

CREATE TABLE kept_answer (
    operator_id UUID NOT NULL,
    key BYTEA NOT NULL,
    fingerprint BYTEA NOT NULL,
    holder BYTEA NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE NOT NULL,
    status SMALLINT,
    answer BYTEA,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_kept_answer PRIMARY KEY (operator_id, key)
);

CREATE INDEX ix_kept_answer_created_at ON kept_answer (created_at);

COMMENT ON COLUMN kept_answer.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN kept_answer.key IS 'pii:none keyed hash of client, route and key';

COMMENT ON COLUMN kept_answer.fingerprint IS 'pii:none keyed hash of the body';

COMMENT ON COLUMN kept_answer.holder IS 'pii:none who runs the request, random';

COMMENT ON COLUMN kept_answer.lease_until IS 'pii:none a running request is taken for dead after this';

COMMENT ON COLUMN kept_answer.status IS 'pii:none status of the answer; null while running';

COMMENT ON COLUMN kept_answer.answer IS 'pii:sealed the answer''s body';

COMMENT ON COLUMN kept_answer.created_at IS 'pii:none when the key was first seen';

CREATE TABLE dealer (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    code VARCHAR(32) NOT NULL,
    name VARCHAR(120) NOT NULL,
    licence BYTEA NOT NULL,
    licence_idx BYTEA NOT NULL,
    state VARCHAR(12) NOT NULL,
    hourly_quota INTEGER NOT NULL,
    daily_quota INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_dealer PRIMARY KEY (operator_id, id),
    CONSTRAINT fk_dealer_operator_id_operator FOREIGN KEY(operator_id) REFERENCES operator (id),
    CONSTRAINT uq_dealer_operator_id_code UNIQUE (operator_id, code),
    CONSTRAINT ck_dealer_state CHECK (state IN ('active','paused','suspended'))
);

CREATE INDEX ix_dealer_licence ON dealer (operator_id, licence_idx);

COMMENT ON COLUMN dealer.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN dealer.id IS 'pii:none id';

COMMENT ON COLUMN dealer.code IS 'pii:none code that tills send';

COMMENT ON COLUMN dealer.name IS 'pii:none name over the door';

COMMENT ON COLUMN dealer.licence IS 'pii:sealed licence number';

COMMENT ON COLUMN dealer.licence_idx IS 'pii:index licence number';

COMMENT ON COLUMN dealer.state IS 'pii:none active, paused, suspended';

COMMENT ON COLUMN dealer.hourly_quota IS 'pii:none registrations an hour';

COMMENT ON COLUMN dealer.daily_quota IS 'pii:none registrations a day';

COMMENT ON COLUMN dealer.created_at IS 'pii:none when it was registered';

COMMENT ON COLUMN dealer.version IS 'pii:none counts the changes';

CREATE TABLE policy_publication (
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    version VARCHAR(32) NOT NULL,
    published_by VARCHAR(80) NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_policy_publication PRIMARY KEY (number),
    CONSTRAINT fk_policy_publication_version_policy_version FOREIGN KEY(version) REFERENCES policy_version (version)
);

COMMENT ON COLUMN policy_publication.number IS 'pii:none order of publication; a clock that steps back does not change it';

COMMENT ON COLUMN policy_publication.version IS 'pii:none what came into force';

COMMENT ON COLUMN policy_publication.published_by IS 'pii:none seed, or who published it';

COMMENT ON COLUMN policy_publication.published_at IS 'pii:none when it came into force';

CREATE TABLE staff (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    login VARCHAR(40) NOT NULL,
    role VARCHAR(12) NOT NULL,
    state VARCHAR(10) NOT NULL,
    epoch INTEGER NOT NULL,
    sealed BYTEA NOT NULL,
    password_hash VARCHAR(200),
    totp_step BIGINT,
    failures INTEGER NOT NULL,
    failed_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_staff PRIMARY KEY (operator_id, id),
    CONSTRAINT uq_staff_operator_id_login UNIQUE (operator_id, login),
    CONSTRAINT fk_staff_operator_id_operator FOREIGN KEY(operator_id) REFERENCES operator (id)
);

COMMENT ON COLUMN staff.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN staff.id IS 'pii:none id';

COMMENT ON COLUMN staff.login IS 'pii:none sign-in name, a handle at work';

COMMENT ON COLUMN staff.role IS 'pii:none role';

COMMENT ON COLUMN staff.state IS 'pii:none invited, active or disabled';

COMMENT ON COLUMN staff.epoch IS 'pii:none grows when every session is to end';

COMMENT ON COLUMN staff.sealed IS 'pii:sealed name and TOTP secret';

COMMENT ON COLUMN staff.password_hash IS 'pii:none argon2id';

COMMENT ON COLUMN staff.totp_step IS 'pii:none the newest TOTP step that was accepted';

COMMENT ON COLUMN staff.failures IS 'pii:none wrong tries since the last right one';

COMMENT ON COLUMN staff.failed_at IS 'pii:none when the last wrong try was';

COMMENT ON COLUMN staff.created_at IS 'pii:none when they were added';

COMMENT ON COLUMN staff.version IS 'pii:none version of the row';

CREATE TABLE subscriber (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    sealed BYTEA,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_subscriber PRIMARY KEY (operator_id, id),
    CONSTRAINT fk_subscriber_operator_id_operator FOREIGN KEY(operator_id) REFERENCES operator (id)
);

COMMENT ON COLUMN subscriber.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN subscriber.id IS 'pii:none id';

COMMENT ON COLUMN subscriber.sealed IS 'pii:sealed what is known of the person, and what it is indexed by; null once erased';

COMMENT ON COLUMN subscriber.version IS 'pii:none counts changes';

COMMENT ON COLUMN subscriber.created_at IS 'pii:none when it was added';

CREATE TABLE agent (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    dealer_id UUID NOT NULL,
    code VARCHAR(32) NOT NULL,
    is_active BOOLEAN NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_agent PRIMARY KEY (operator_id, id),
    CONSTRAINT fk_agent_operator_id_dealer_id_dealer FOREIGN KEY(operator_id, dealer_id) REFERENCES dealer (operator_id, id),
    CONSTRAINT uq_agent_operator_id_dealer_id_code UNIQUE (operator_id, dealer_id, code)
);

COMMENT ON COLUMN agent.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN agent.id IS 'pii:none id';

COMMENT ON COLUMN agent.dealer_id IS 'pii:none the shop';

COMMENT ON COLUMN agent.code IS 'pii:none code of the person, given by the shop';

COMMENT ON COLUMN agent.is_active IS 'pii:none whether the code may be used';

COMMENT ON COLUMN agent.created_at IS 'pii:none when it was registered';

CREATE TABLE dealer_hour (
    operator_id UUID NOT NULL,
    dealer_id UUID NOT NULL,
    hour TIMESTAMP WITH TIME ZONE NOT NULL,
    created INTEGER NOT NULL,
    CONSTRAINT pk_dealer_hour PRIMARY KEY (operator_id, dealer_id, hour),
    CONSTRAINT fk_dealer_hour_operator_id_dealer_id_dealer FOREIGN KEY(operator_id, dealer_id) REFERENCES dealer (operator_id, id)
);

COMMENT ON COLUMN dealer_hour.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN dealer_hour.dealer_id IS 'pii:none the shop';

COMMENT ON COLUMN dealer_hour.hour IS 'pii:none start of the UTC hour';

COMMENT ON COLUMN dealer_hour.created IS 'pii:none registrations opened';

CREATE TABLE client (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    name VARCHAR(60) NOT NULL,
    dealer_id UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_client PRIMARY KEY (operator_id, id),
    CONSTRAINT uq_client_operator_id_name UNIQUE (operator_id, name),
    CONSTRAINT fk_client_operator_id_operator FOREIGN KEY(operator_id) REFERENCES operator (id),
    CONSTRAINT fk_client_operator_id_dealer_id_dealer FOREIGN KEY(operator_id, dealer_id) REFERENCES dealer (operator_id, id)
);

COMMENT ON COLUMN client.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN client.id IS 'pii:none id';

COMMENT ON COLUMN client.name IS 'pii:none name of the calling system';

COMMENT ON COLUMN client.dealer_id IS 'pii:none the dealer it is bound to';

COMMENT ON COLUMN client.created_at IS 'pii:none when it was added';

CREATE TABLE staff_link (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    staff_id UUID NOT NULL,
    sha256 BYTEA NOT NULL,
    is_demo BOOLEAN NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_staff_link PRIMARY KEY (operator_id, id),
    CONSTRAINT fk_staff_link_operator_id_staff_id_staff FOREIGN KEY(operator_id, staff_id) REFERENCES staff (operator_id, id)
);

CREATE INDEX ix_staff_link_operator_id_staff_id ON staff_link (operator_id, staff_id);

COMMENT ON COLUMN staff_link.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN staff_link.id IS 'pii:none id';

COMMENT ON COLUMN staff_link.staff_id IS 'pii:none whose link it is';

COMMENT ON COLUMN staff_link.sha256 IS 'pii:none SHA-256 of its random secret';

COMMENT ON COLUMN staff_link.is_demo IS 'pii:none signs in without a password; demo alone';

COMMENT ON COLUMN staff_link.expires_at IS 'pii:none end of its life';

COMMENT ON COLUMN staff_link.used_at IS 'pii:none when it was used';

COMMENT ON COLUMN staff_link.created_at IS 'pii:none when it was made';

CREATE TABLE staff_recovery (
    operator_id UUID NOT NULL,
    staff_id UUID NOT NULL,
    slot SMALLINT NOT NULL,
    code_hash VARCHAR(200) NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_staff_recovery PRIMARY KEY (operator_id, staff_id, slot),
    CONSTRAINT fk_staff_recovery_operator_id_staff_id_staff FOREIGN KEY(operator_id, staff_id) REFERENCES staff (operator_id, id)
);

COMMENT ON COLUMN staff_recovery.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN staff_recovery.staff_id IS 'pii:none whose code it is';

COMMENT ON COLUMN staff_recovery.slot IS 'pii:none its number, shown in the code';

COMMENT ON COLUMN staff_recovery.code_hash IS 'pii:none argon2id';

COMMENT ON COLUMN staff_recovery.used_at IS 'pii:none when it was used';

CREATE TABLE staff_reveal (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    staff_id UUID NOT NULL,
    object VARCHAR(60) NOT NULL,
    reason VARCHAR(48) NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_staff_reveal PRIMARY KEY (operator_id, id),
    CONSTRAINT fk_staff_reveal_operator_id_staff_id_staff FOREIGN KEY(operator_id, staff_id) REFERENCES staff (operator_id, id)
);

CREATE INDEX ix_staff_reveal_operator_id_staff_id_at ON staff_reveal (operator_id, staff_id, at);

COMMENT ON COLUMN staff_reveal.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN staff_reveal.id IS 'pii:none id';

COMMENT ON COLUMN staff_reveal.staff_id IS 'pii:none who looked';

COMMENT ON COLUMN staff_reveal.object IS 'pii:none wire id of what was shown';

COMMENT ON COLUMN staff_reveal.reason IS 'pii:none reason code';

COMMENT ON COLUMN staff_reveal.at IS 'pii:none when';

CREATE TABLE subject_key (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    kek_id BIGINT NOT NULL,
    wrapped BYTEA NOT NULL,
    CONSTRAINT pk_subject_key PRIMARY KEY (operator_id, id),
    CONSTRAINT fk_subject_key_operator_id_id_subscriber FOREIGN KEY(operator_id, id) REFERENCES subscriber (operator_id, id)
);

CREATE INDEX ix_subject_key_operator_id_kek_id ON subject_key (operator_id, kek_id);

COMMENT ON COLUMN subject_key.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN subject_key.id IS 'pii:none id of the subscriber';

COMMENT ON COLUMN subject_key.kek_id IS 'pii:none key that wraps it';

COMMENT ON COLUMN subject_key.wrapped IS 'pii:sealed the data key, wrapped';

CREATE TABLE subject_index (
    operator_id UUID NOT NULL,
    idx BYTEA NOT NULL,
    subscriber_id UUID NOT NULL,
    kind VARCHAR(20) NOT NULL,
    CONSTRAINT pk_subject_index PRIMARY KEY (operator_id, idx, subscriber_id),
    CONSTRAINT fk_subject_index_operator_id_subscriber_id_subscriber FOREIGN KEY(operator_id, subscriber_id) REFERENCES subscriber (operator_id, id)
);

CREATE INDEX ix_subject_index_operator_id_subscriber_id ON subject_index (operator_id, subscriber_id);

COMMENT ON COLUMN subject_index.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN subject_index.idx IS 'pii:index keyed hash of the value';

COMMENT ON COLUMN subject_index.subscriber_id IS 'pii:none whose value it is';

COMMENT ON COLUMN subject_index.kind IS 'pii:none kind of value';

CREATE TABLE client_key (
    operator_id UUID NOT NULL,
    key_id VARCHAR(40) NOT NULL,
    client_id UUID NOT NULL,
    client VARCHAR(60) NOT NULL,
    operator VARCHAR(80) NOT NULL,
    dealer_id UUID,
    sha256 BYTEA NOT NULL,
    scopes VARCHAR(20)[] NOT NULL,
    cidr VARCHAR(50),
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_client_key PRIMARY KEY (operator_id, key_id),
    CONSTRAINT fk_client_key_operator_id_client_id_client FOREIGN KEY(operator_id, client_id) REFERENCES client (operator_id, id)
);

CREATE INDEX ix_client_key_operator_id_client_id ON client_key (operator_id, client_id);

COMMENT ON COLUMN client_key.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN client_key.key_id IS 'pii:none public part of the key';

COMMENT ON COLUMN client_key.client_id IS 'pii:none whose key it is';

COMMENT ON COLUMN client_key.client IS 'pii:none name of the client';

COMMENT ON COLUMN client_key.operator IS 'pii:none name of the operator';

COMMENT ON COLUMN client_key.dealer_id IS 'pii:none the dealer that the client is bound to';

COMMENT ON COLUMN client_key.sha256 IS 'pii:none SHA-256 of the key, which is random';

COMMENT ON COLUMN client_key.scopes IS 'pii:none what it may do';

COMMENT ON COLUMN client_key.cidr IS 'pii:none network that it may be used from';

COMMENT ON COLUMN client_key.expires_at IS 'pii:none end of its life';

COMMENT ON COLUMN client_key.revoked_at IS 'pii:none when it was revoked';

COMMENT ON COLUMN client_key.created_at IS 'pii:none when it was made';

CREATE TABLE registration (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    client_id UUID NOT NULL,
    subscriber_id UUID NOT NULL,
    dealer_id UUID,
    agent_id UUID,
    state VARCHAR(12) NOT NULL,
    purpose VARCHAR(10) NOT NULL,
    channel VARCHAR(12) NOT NULL,
    plan VARCHAR(10) NOT NULL,
    form VARCHAR(5) NOT NULL,
    msisdn_idx BYTEA NOT NULL,
    iccid_idx BYTEA,
    device_idx BYTEA,
    device_role VARCHAR(10),
    payment_idx BYTEA,
    sealed BYTEA NOT NULL,
    identity BYTEA,
    can_receive BOOLEAN NOT NULL,
    documents JSONB NOT NULL,
    codes JSONB NOT NULL,
    patches SMALLINT NOT NULL,
    outcome JSONB,
    activation JSONB,
    appealed_at TIMESTAMP WITH TIME ZONE,
    service_until TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    legal_hold BOOLEAN DEFAULT false NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_registration PRIMARY KEY (operator_id, id),
    CONSTRAINT fk_registration_operator_id_subscriber_id_subscriber FOREIGN KEY(operator_id, subscriber_id) REFERENCES subscriber (operator_id, id),
    CONSTRAINT fk_registration_operator_id_dealer_id_dealer FOREIGN KEY(operator_id, dealer_id) REFERENCES dealer (operator_id, id),
    CONSTRAINT fk_registration_operator_id_client_id_client FOREIGN KEY(operator_id, client_id) REFERENCES client (operator_id, id),
    CONSTRAINT ck_registration_state CHECK (state IN ('collecting','approved','in_review','denied','active','expired','cancelled'))
);

CREATE INDEX ix_registration_dealer ON registration (operator_id, dealer_id, id);

CREATE INDEX ix_registration_expiry ON registration (expires_at) WHERE state = 'collecting';

CREATE INDEX ix_registration_msisdn ON registration (operator_id, msisdn_idx, id);

CREATE INDEX ix_registration_state ON registration (operator_id, state, id);

CREATE INDEX ix_registration_subscriber ON registration (operator_id, subscriber_id);

CREATE UNIQUE INDEX uq_registration_open_iccid ON registration (operator_id, iccid_idx) WHERE state IN ('collecting', 'in_review', 'approved');

CREATE UNIQUE INDEX uq_registration_open_msisdn ON registration (operator_id, msisdn_idx) WHERE state IN ('collecting', 'in_review', 'approved');

COMMENT ON COLUMN registration.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN registration.id IS 'pii:none id';

COMMENT ON COLUMN registration.client_id IS 'pii:none the system that opened it';

COMMENT ON COLUMN registration.subscriber_id IS 'pii:none the applicant';

COMMENT ON COLUMN registration.dealer_id IS 'pii:none the shop';

COMMENT ON COLUMN registration.agent_id IS 'pii:none the person in the shop';

COMMENT ON COLUMN registration.state IS 'pii:none where it stands';

COMMENT ON COLUMN registration.purpose IS 'pii:none what for';

COMMENT ON COLUMN registration.channel IS 'pii:none how it came in';

COMMENT ON COLUMN registration.plan IS 'pii:none plan of the service';

COMMENT ON COLUMN registration.form IS 'pii:none sim or esim';

COMMENT ON COLUMN registration.msisdn_idx IS 'pii:index the number';

COMMENT ON COLUMN registration.iccid_idx IS 'pii:index the SIM''s serial';

COMMENT ON COLUMN registration.device_idx IS 'pii:index the device''s fingerprint, never kept itself';

COMMENT ON COLUMN registration.device_role IS 'pii:none applicant or dealer';

COMMENT ON COLUMN registration.payment_idx IS 'pii:index the payment token, never kept itself';

COMMENT ON COLUMN registration.sealed IS 'pii:sealed number, ICCID, IMEI, addresses of the network';

COMMENT ON COLUMN registration.identity IS 'pii:sealed who the best document says this is';

COMMENT ON COLUMN registration.can_receive IS 'pii:none whether the SIM gets messages before activation';

COMMENT ON COLUMN registration.documents IS 'pii:none judged documents, in codes';

COMMENT ON COLUMN registration.codes IS 'pii:none codes that came back right';

COMMENT ON COLUMN registration.patches IS 'pii:none how often the data were changed';

COMMENT ON COLUMN registration.outcome IS 'pii:none what was decided, in codes and counts';

COMMENT ON COLUMN registration.activation IS 'pii:none how far provisioning is';

COMMENT ON COLUMN registration.appealed_at IS 'pii:none when the denial was appealed';

COMMENT ON COLUMN registration.service_until IS 'pii:none when the service is to end';

COMMENT ON COLUMN registration.created_at IS 'pii:none when it was opened';

COMMENT ON COLUMN registration.expires_at IS 'pii:none when collecting ends';

COMMENT ON COLUMN registration.ended_at IS 'pii:none when it was denied, expired or cancelled';

COMMENT ON COLUMN registration.legal_hold IS 'pii:none kept past retention';

COMMENT ON COLUMN registration.version IS 'pii:none counts the changes';

CREATE TABLE document_check (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    registration_id UUID NOT NULL,
    subscriber_id UUID NOT NULL,
    kind VARCHAR(20) NOT NULL,
    document_type VARCHAR(20) NOT NULL,
    issuing_state VARCHAR(3),
    outcome VARCHAR(8) NOT NULL,
    proof VARCHAR(12) NOT NULL,
    reason VARCHAR(20),
    checks JSONB NOT NULL,
    registry_answer VARCHAR(16),
    sealed BYTEA NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    judged_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_document_check PRIMARY KEY (operator_id, id),
    CONSTRAINT fk_document_check_operator_id_registration_id_registration FOREIGN KEY(operator_id, registration_id) REFERENCES registration (operator_id, id),
    CONSTRAINT fk_document_check_operator_id_subscriber_id_subscriber FOREIGN KEY(operator_id, subscriber_id) REFERENCES subscriber (operator_id, id),
    CONSTRAINT ck_document_check_outcome CHECK (outcome IN ('pass', 'refer', 'fail')),
    CONSTRAINT ck_document_check_proof CHECK (proof IN ('none', 'consistent', 'confirmed', 'signed'))
);

CREATE INDEX ix_document_check_operator_id_registration_id ON document_check (operator_id, registration_id);

CREATE INDEX ix_document_check_operator_id_subscriber_id ON document_check (operator_id, subscriber_id);

COMMENT ON COLUMN document_check.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN document_check.id IS 'pii:none id';

COMMENT ON COLUMN document_check.registration_id IS 'pii:none the registration it belongs to';

COMMENT ON COLUMN document_check.subscriber_id IS 'pii:none whose key seals it';

COMMENT ON COLUMN document_check.kind IS 'pii:none how it was submitted';

COMMENT ON COLUMN document_check.document_type IS 'pii:none type of document';

COMMENT ON COLUMN document_check.issuing_state IS 'pii:none issuing state, a code';

COMMENT ON COLUMN document_check.outcome IS 'pii:none pass, refer or fail';

COMMENT ON COLUMN document_check.proof IS 'pii:none what it proves about itself';

COMMENT ON COLUMN document_check.reason IS 'pii:none coarse reason, a code';

COMMENT ON COLUMN document_check.checks IS 'pii:none findings: ids, outcomes and codes';

COMMENT ON COLUMN document_check.registry_answer IS 'pii:none the registry''s answer';

COMMENT ON COLUMN document_check.sealed IS 'pii:sealed number, names, dates; or the description';

COMMENT ON COLUMN document_check.at IS 'pii:none when it was judged';

COMMENT ON COLUMN document_check.judged_at IS 'pii:none when it was judged last';

CREATE TABLE line (
    operator_id UUID NOT NULL,
    id UUID NOT NULL,
    subscriber_id UUID NOT NULL,
    registration_id UUID NOT NULL,
    dealer_id UUID,
    state VARCHAR(12) NOT NULL,
    reasons VARCHAR(48)[] NOT NULL,
    assurance VARCHAR(12) NOT NULL,
    country VARCHAR(2) NOT NULL,
    msisdn_idx BYTEA,
    iccid_idx BYTEA,
    sealed BYTEA,
    holder_since TIMESTAMP WITH TIME ZONE NOT NULL,
    active_since TIMESTAMP WITH TIME ZONE,
    sim_changed_at TIMESTAMP WITH TIME ZONE,
    probation_until TIMESTAMP WITH TIME ZONE,
    service_until TIMESTAMP WITH TIME ZONE,
    held_until TIMESTAMP WITH TIME ZONE,
    awaiting_until TIMESTAMP WITH TIME ZONE,
    quarantine_until TIMESTAMP WITH TIME ZONE,
    closed_at TIMESTAMP WITH TIME ZONE,
    due_at TIMESTAMP WITH TIME ZONE,
    applied_version INTEGER NOT NULL,
    apply_failed VARCHAR(64),
    version INTEGER NOT NULL,
    CONSTRAINT pk_line PRIMARY KEY (operator_id, id),
    CONSTRAINT fk_line_operator_id_subscriber_id_subscriber FOREIGN KEY(operator_id, subscriber_id) REFERENCES subscriber (operator_id, id),
    CONSTRAINT fk_line_operator_id_registration_id_registration FOREIGN KEY(operator_id, registration_id) REFERENCES registration (operator_id, id),
    CONSTRAINT fk_line_operator_id_dealer_id_dealer FOREIGN KEY(operator_id, dealer_id) REFERENCES dealer (operator_id, id),
    CONSTRAINT uq_line_operator_id_registration_id UNIQUE (operator_id, registration_id),
    CONSTRAINT ck_line_state CHECK (state IN ('active','restricted','suspended','quarantined','closed'))
);

CREATE INDEX ix_line_due ON line (operator_id, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX ix_line_iccid ON line (operator_id, iccid_idx, id);

CREATE INDEX ix_line_msisdn ON line (operator_id, msisdn_idx, id);

CREATE INDEX ix_line_state ON line (operator_id, state, id);

CREATE INDEX ix_line_subscriber ON line (operator_id, subscriber_id);

CREATE UNIQUE INDEX uq_line_open_iccid ON line (operator_id, iccid_idx) WHERE state IN ('active', 'restricted', 'suspended');

CREATE UNIQUE INDEX uq_line_open_msisdn ON line (operator_id, msisdn_idx) WHERE state IN ('active', 'restricted', 'suspended');

COMMENT ON COLUMN line.operator_id IS 'pii:none the operator that the row belongs to';

COMMENT ON COLUMN line.id IS 'pii:none id';

COMMENT ON COLUMN line.subscriber_id IS 'pii:none the holder';

COMMENT ON COLUMN line.registration_id IS 'pii:none the registration that opened it';

COMMENT ON COLUMN line.dealer_id IS 'pii:none the shop that registered it';

COMMENT ON COLUMN line.state IS 'pii:none where it stands';

COMMENT ON COLUMN line.reasons IS 'pii:none codes: why it is not active';

COMMENT ON COLUMN line.assurance IS 'pii:none none, basic, substantial, high';

COMMENT ON COLUMN line.country IS 'pii:none country of the number, for retention';

COMMENT ON COLUMN line.msisdn_idx IS 'pii:index the number; null once forgotten';

COMMENT ON COLUMN line.iccid_idx IS 'pii:index the SIM''s serial; null once forgotten';

COMMENT ON COLUMN line.sealed IS 'pii:sealed number and ICCID; null once forgotten';

COMMENT ON COLUMN line.holder_since IS 'pii:none when this holder''s line was opened';

COMMENT ON COLUMN line.active_since IS 'pii:none when it was first active';

COMMENT ON COLUMN line.sim_changed_at IS 'pii:none when its SIM was last changed';

COMMENT ON COLUMN line.probation_until IS 'pii:none end of its probation';

COMMENT ON COLUMN line.service_until IS 'pii:none when the service is to end';

COMMENT ON COLUMN line.held_until IS 'pii:none end of a restriction or suspension';

COMMENT ON COLUMN line.awaiting_until IS 'pii:none until when its own code may come';

COMMENT ON COLUMN line.quarantine_until IS 'pii:none when the number is free';

COMMENT ON COLUMN line.closed_at IS 'pii:none when it was closed';

COMMENT ON COLUMN line.due_at IS 'pii:none when time alone changes it next';

COMMENT ON COLUMN line.applied_version IS 'pii:none newest version that the network confirmed';

COMMENT ON COLUMN line.apply_failed IS 'pii:none why the network did not take the newest version; for staff';

COMMENT ON COLUMN line.version IS 'pii:none counts the changes';

CREATE FUNCTION simward_make_partition(parent text, suffix text, lower_at timestamptz, upper_at timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  -- Only tables that are partitioned already, only names of the one form: this runs with the owner's rights.
  IF suffix !~ '^[0-9]{4}_[0-9]{2}$' OR NOT EXISTS (
    SELECT 1 FROM pg_partitioned_table p JOIN pg_class c ON c.oid = p.partrelid
    WHERE c.relname = parent AND c.relnamespace = 'public'::regnamespace) THEN
    RAISE EXCEPTION 'no such partitioned table';
  END IF;
  IF to_regclass(format('public.%I', parent || '_' || suffix)) IS NULL THEN
    EXECUTE format('CREATE TABLE public.%I PARTITION OF public.%I FOR VALUES FROM (%L) TO (%L)',
                   parent || '_' || suffix, parent, lower_at, upper_at);
  END IF;
END $$;

CREATE TABLE "audit_entry_default" PARTITION OF "audit_entry" DEFAULT;

CREATE TABLE "decision_default" PARTITION OF "decision" DEFAULT;

ALTER TABLE "audit_entry" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "audit_entry" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "audit_entry" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "audit_head" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "audit_head" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "audit_head" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "audit_note" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "audit_note" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "audit_note" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "audit_seal" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "audit_seal" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "audit_seal" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "decision" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "decision" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "decision" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "erasure" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "erasure" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "erasure" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "holding" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "holding" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "holding" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "kept_answer" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "kept_answer" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "kept_answer" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "dealer" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "dealer" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "dealer" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "staff" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "staff" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "staff" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "subscriber" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "subscriber" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "subscriber" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "agent" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "agent" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "agent" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "client" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "client" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "client" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "dealer_hour" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "dealer_hour" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "dealer_hour" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "staff_link" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "staff_link" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "staff_link" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "staff_recovery" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "staff_recovery" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "staff_recovery" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "staff_reveal" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "staff_reveal" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "staff_reveal" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "subject_index" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "subject_index" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "subject_index" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "subject_key" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "subject_key" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "subject_key" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "client_key" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "client_key" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "client_key" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

CREATE POLICY directory ON "client_key" FOR SELECT USING (key_id = NULLIF(current_setting('simward.key', true), ''));

ALTER TABLE "registration" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "registration" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "registration" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "document_check" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "document_check" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "document_check" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

ALTER TABLE "line" ENABLE ROW LEVEL SECURITY;

ALTER TABLE "line" FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant ON "line" USING (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid)) WITH CHECK (operator_id = (SELECT NULLIF(current_setting('simward.operator', true), '')::uuid));

GRANT SELECT, INSERT, UPDATE, DELETE ON "audit_entry" TO simward_app;

GRANT SELECT ON "audit_entry" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "audit_head" TO simward_app;

GRANT SELECT ON "audit_head" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "audit_note" TO simward_app;

GRANT SELECT ON "audit_note" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "audit_seal" TO simward_app;

GRANT SELECT ON "audit_seal" TO simward_read;

GRANT SELECT, INSERT ON "decision" TO simward_app;

GRANT SELECT ON "decision" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "erasure" TO simward_app;

GRANT SELECT ON "erasure" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "holding" TO simward_app;

GRANT SELECT ON "holding" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "installation" TO simward_app;

GRANT SELECT ON "installation" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "kept_answer" TO simward_app;

GRANT SELECT ON "kept_answer" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "operator" TO simward_app;

GRANT SELECT ON "operator" TO simward_read;

GRANT SELECT, INSERT ON "policy_version" TO simward_app;

GRANT SELECT ON "policy_version" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "dealer" TO simward_app;

GRANT SELECT ON "dealer" TO simward_read;

GRANT SELECT, INSERT ON "policy_publication" TO simward_app;

GRANT SELECT ON "policy_publication" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "staff" TO simward_app;

GRANT SELECT ON "staff" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "subscriber" TO simward_app;

GRANT SELECT ON "subscriber" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "agent" TO simward_app;

GRANT SELECT ON "agent" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "client" TO simward_app;

GRANT SELECT ON "client" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "dealer_hour" TO simward_app;

GRANT SELECT ON "dealer_hour" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "staff_link" TO simward_app;

GRANT SELECT ON "staff_link" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "staff_recovery" TO simward_app;

GRANT SELECT ON "staff_recovery" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "staff_reveal" TO simward_app;

GRANT SELECT ON "staff_reveal" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "subject_index" TO simward_app;

GRANT SELECT ON "subject_index" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "subject_key" TO simward_app;

GRANT SELECT ON "subject_key" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "client_key" TO simward_app;

GRANT SELECT ON "client_key" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "registration" TO simward_app;

GRANT SELECT ON "registration" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "document_check" TO simward_app;

GRANT SELECT ON "document_check" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON "line" TO simward_app;

GRANT SELECT ON "line" TO simward_read;

GRANT SELECT, INSERT, UPDATE, DELETE ON procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers, procrastinate_workers TO simward_app;

GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq, procrastinate_periodic_defers_id_seq, procrastinate_workers_id_seq TO simward_app;

REVOKE EXECUTE ON FUNCTION simward_make_partition FROM PUBLIC;

GRANT EXECUTE ON FUNCTION simward_make_partition TO simward_app;

GRANT SELECT ON alembic_version TO simward_app, simward_sealer, simward_read;

CREATE FUNCTION simward_insert_only() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  RAISE EXCEPTION 'this table is insert-only' USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION simward_insert_only();

CREATE TRIGGER insert_only BEFORE DELETE ON audit_note FOR EACH ROW EXECUTE FUNCTION simward_insert_only();

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON audit_seal FOR EACH ROW EXECUTE FUNCTION simward_insert_only();

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON audit_head FOR EACH ROW EXECUTE FUNCTION simward_insert_only();

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON installation FOR EACH ROW EXECUTE FUNCTION simward_insert_only();

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON erasure FOR EACH ROW EXECUTE FUNCTION simward_insert_only();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit_entry FOR EACH STATEMENT EXECUTE FUNCTION simward_insert_only();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit_note FOR EACH STATEMENT EXECUTE FUNCTION simward_insert_only();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit_seal FOR EACH STATEMENT EXECUTE FUNCTION simward_insert_only();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON audit_head FOR EACH STATEMENT EXECUTE FUNCTION simward_insert_only();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON installation FOR EACH STATEMENT EXECUTE FUNCTION simward_insert_only();

CREATE TRIGGER no_truncate BEFORE TRUNCATE ON erasure FOR EACH STATEMENT EXECUTE FUNCTION simward_insert_only();

REVOKE ALL ON audit_entry FROM PUBLIC, simward_app, simward_sealer, simward_read;

REVOKE ALL ON audit_note FROM PUBLIC, simward_app, simward_sealer, simward_read;

REVOKE ALL ON audit_seal FROM PUBLIC, simward_app, simward_sealer, simward_read;

REVOKE ALL ON audit_head FROM PUBLIC, simward_app, simward_sealer, simward_read;

REVOKE ALL ON installation FROM PUBLIC, simward_app, simward_sealer, simward_read;

REVOKE ALL ON erasure FROM PUBLIC, simward_app, simward_sealer, simward_read;

DO $$
DECLARE part regclass;
BEGIN
  FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'audit_entry'::regclass LOOP
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC, simward_app, simward_sealer, simward_read', part);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s FOR EACH STATEMENT'
                   ' EXECUTE FUNCTION simward_insert_only()', part);
  END LOOP;
END $$;

GRANT SELECT ON audit_entry TO simward_app, simward_sealer, simward_read;

GRANT SELECT ON audit_note TO simward_app, simward_sealer, simward_read;

GRANT SELECT ON audit_seal TO simward_app, simward_sealer, simward_read;

GRANT SELECT ON audit_head TO simward_app, simward_sealer, simward_read;

GRANT SELECT ON installation TO simward_app, simward_sealer, simward_read;

GRANT SELECT ON erasure TO simward_app, simward_sealer, simward_read;

GRANT INSERT (operator_id, id, at, actor_kind, actor_id, action, object, reason, body, entry) ON audit_entry TO simward_app, simward_sealer;

GRANT INSERT ON audit_note, erasure TO simward_app;

GRANT UPDATE (sealed, kek_id) ON audit_note TO simward_app;

GRANT INSERT ON audit_seal, audit_head, installation TO simward_sealer;

REVOKE ALL ON shared_holding FROM PUBLIC, simward_app, simward_sealer, simward_read;

REVOKE ALL ON shared_ask FROM PUBLIC, simward_app, simward_sealer, simward_read;

CREATE FUNCTION shared_holding_add(kinds text[], idxs bytea[], line bytea)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO public.shared_holding (idx, line_ref, kind, until)
    SELECT w.idx, line, w.kind, 'infinity' FROM unnest(kinds, idxs) AS w (kind, idx)
    ON CONFLICT DO NOTHING;
END $$;

CREATE FUNCTION shared_holding_remove(lines bytea[], last timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF last IS NULL THEN
    DELETE FROM public.shared_holding h WHERE h.line_ref = ANY(lines);
  ELSE
    UPDATE public.shared_holding h SET until = last WHERE h.line_ref = ANY(lines) AND h.until = 'infinity';
  END IF;
END $$;

CREATE FUNCTION shared_holding_exceeds(kinds text[], idxs bytea[], most integer, moment timestamptz,
  askers bytea[], askeds bytea[], budgets integer[])
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  today date := (moment AT TIME ZONE 'UTC')::date;
BEGIN
  IF most IS NULL OR most < 3 OR NOT kinds <@ ARRAY['document', 'person', 'msisdn', 'licence']
     OR cardinality(askers) = 0 OR array_position(askers, NULL) IS NOT NULL
     OR cardinality(askeds) <> cardinality(askers) OR cardinality(budgets) <> cardinality(askers)
     OR array_position(budgets, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'this is not answered' USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- All budgets or none: who gets no answer has spent nothing.
  FOR i IN 1 .. cardinality(askers) LOOP
    CONTINUE WHEN EXISTS (SELECT FROM public.shared_ask a
      WHERE a.asker = askers[i] AND a.day = today AND a.asked = askeds[i]);
    IF (SELECT count(*) FROM (SELECT FROM public.shared_ask a WHERE a.asker = askers[i] AND a.day = today
        LIMIT budgets[i]) AS found) >= budgets[i] THEN
      RETURN NULL;
    END IF;
  END LOOP;
  INSERT INTO public.shared_ask (asker, day, asked)
    SELECT w.asker, today, w.asked FROM unnest(askers, askeds) AS w (asker, asked)
    ON CONFLICT DO NOTHING;
  RETURN EXISTS (SELECT FROM unnest(kinds, idxs) AS w (kind, idx)
    JOIN public.shared_holding h ON h.idx = w.idx AND h.kind = w.kind AND h.until > moment
    GROUP BY w.kind HAVING count(DISTINCT h.line_ref) >= most);
END $$;

CREATE FUNCTION shared_holding_move(old_idxs bytea[], fresh_idx bytea, old_lines bytea[], fresh_line bytea)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  moved integer;
BEGIN
  UPDATE public.shared_holding h SET idx = fresh_idx, line_ref = fresh_line
    WHERE h.idx = ANY(old_idxs) AND h.line_ref = ANY(old_lines)
      AND (h.idx, h.line_ref) <> (fresh_idx, fresh_line);
  GET DIAGNOSTICS moved = ROW_COUNT;
  RETURN moved;
END $$;

CREATE FUNCTION shared_holding_keys()
RETURNS SETOF bytea LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT substr(h.idx, 1, 4) FROM public.shared_holding h
  UNION SELECT substr(h.line_ref, 1, 4) FROM public.shared_holding h
$$;

CREATE FUNCTION shared_holding_purge(moment timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM public.shared_holding h WHERE h.until <= moment;
  DELETE FROM public.shared_ask a WHERE a.day < (moment AT TIME ZONE 'UTC')::date;
END $$;

REVOKE ALL ON FUNCTION shared_holding_add FROM PUBLIC, simward_app, simward_sealer, simward_read;

REVOKE ALL ON FUNCTION shared_holding_remove FROM PUBLIC, simward_app, simward_sealer, simward_read;

REVOKE ALL ON FUNCTION shared_holding_exceeds FROM PUBLIC, simward_app, simward_sealer, simward_read;

REVOKE ALL ON FUNCTION shared_holding_move FROM PUBLIC, simward_app, simward_sealer, simward_read;

REVOKE ALL ON FUNCTION shared_holding_keys FROM PUBLIC, simward_app, simward_sealer, simward_read;

REVOKE ALL ON FUNCTION shared_holding_purge FROM PUBLIC, simward_app, simward_sealer, simward_read;

GRANT EXECUTE ON FUNCTION shared_holding_add TO simward_app;

GRANT EXECUTE ON FUNCTION shared_holding_remove TO simward_app;

GRANT EXECUTE ON FUNCTION shared_holding_exceeds TO simward_app;

GRANT EXECUTE ON FUNCTION shared_holding_move TO simward_app;

GRANT EXECUTE ON FUNCTION shared_holding_keys TO simward_app;

GRANT EXECUTE ON FUNCTION shared_holding_purge TO simward_app;
