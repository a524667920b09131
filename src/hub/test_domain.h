#pragma once

#include <memory>

#include "base/ids.h"
#include "hub/domain.h"
#include "hub/test_folder.h"
#include "trust/envelope.h"
#include "trust/keys.h"

namespace strandline::hub {

/// Real stores in a folder of their own, for tests: SQLite, blobs, keys.
class TestDomain {
public:
    TestDomain() {
        store::DatabaseOptions options;
        options.url = "sqlite:" + (folder.path() / "hub.db").string();
        database = store::Database::open(std::move(options), store::hub_migrations()).value();
        blobs = store::BlobStore::open(folder.path()).value();
        const auto signer = [this](std::string_view type) {
            return [this, type](std::string payload) {
                return trust::sign_envelope(type, std::move(payload), key);
            };
        };
        const Signers signers{.manifest = signer(trust::manifest_type),
                              .desired = signer(trust::desired_type)};
        domain = std::make_unique<Domain>(*database, *blobs, clock, signers);
    }

    /// A device with this id, as if it had enrolled.
    void enrol(const std::string& id) {
        const auto token = domain->join_tokens.create({}, std::string(64, 'a')).value();
        fleet::EnrolRequest request;
        request.token = trust::Token::parse(token.text, trust::join_token_kind).value();
        request.name = id;
        const auto issue = [this](const std::string&) -> Result<trust::IssuedCertificate> {
            return trust::IssuedCertificate{.certificate_pem = "pem",
                                            .serial = make_id("serial"),
                                            .not_after = clock.wall() + std::chrono::days(90)};
        };
        domain->fleet.enrol(request, issue).value();
    }

    TestFolder folder;
    FakeClock clock;
    trust::SigningKey key = trust::SigningKey::generate().value();
    std::unique_ptr<store::Database> database;
    std::unique_ptr<store::BlobStore> blobs;
    std::unique_ptr<Domain> domain;
};

}  // namespace strandline::hub
