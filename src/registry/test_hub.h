#pragma once

#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "registry/hooks.h"
#include "registry/release.h"
#include "store/blob/blob_store.h"
#include "store/sql/database.h"
#include "store/sql/test_databases.h"
#include "trust/keys.h"

// For tests of registry and fleet: an empty hub's storage.
namespace strandline::registry::test {

/// The value, or the end of the test with the error's text.
template <class T>
T must(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return std::move(*result);
}
inline void must(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message);
}

template <class T>
Errc code_of(const Result<T>& result) {
    EXPECT_FALSE(result) << "must fail";
    return result ? Errc::internal : result.error().code;
}

struct RecordedEvent {
    std::string type;
    std::string data;
};

/// Storage of one test, on the kind of database that the parameter names.
class HubTest : public testing::TestWithParam<std::string> {
public:
    ~HubTest() override {
        blobs.reset();
        std::error_code ignored;
        std::filesystem::remove_all(folder, ignored);
    }

protected:
    HubTest() {
        store::DatabaseOptions options;
        options.url = store::test::fresh_url(GetParam());
        database = must(store::Database::open(options, store::hub_migrations()));
        blobs = must(store::BlobStore::open(folder));
    }
    HubTest(const HubTest&) = delete;
    HubTest& operator=(const HubTest&) = delete;

    [[nodiscard]] Signer signer(std::string_view type) const {
        return [this, type](std::string payload) {
            return trust::sign_envelope(type, std::move(payload), key);
        };
    }
    [[nodiscard]] EventSink recorder() {
        return [this](store::Transaction&, std::string_view type, std::string_view data) -> Status {
            events.push_back({std::string(type), std::string(data)});
            return {};
        };
    }
    [[nodiscard]] Sha256Digest put(std::string_view content) const {
        return must(blobs->put(as_bytes(content))).digest;
    }
    /// A release of one model file with this content.
    [[nodiscard]] ReleaseRequest request(std::string package, std::string version,
                                         std::string_view content) const {
        ReleaseRequest out;
        out.package = std::move(package);
        out.version = std::move(version);
        out.files = {{"model.onnx", put(content), false}};
        return out;
    }

    std::filesystem::path folder = std::filesystem::temp_directory_path() / make_id("hub-test");
    FakeClock clock;
    trust::SigningKey key = must(trust::SigningKey::generate());
    std::unique_ptr<store::Database> database;
    std::unique_ptr<store::BlobStore> blobs;
    std::vector<RecordedEvent> events;
};

inline std::string kind_name(const testing::TestParamInfo<std::string>& info) { return info.param; }

}  // namespace strandline::registry::test

#define STRANDLINE_ON_EVERY_DATABASE(suite)                                       \
    INSTANTIATE_TEST_SUITE_P(Databases, suite,                                    \
                             testing::ValuesIn(strandline::store::test::kinds()), \
                             strandline::registry::test::kind_name)
