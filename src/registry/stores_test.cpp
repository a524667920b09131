#include "registry/columns_json.h"
#include "registry/legacy_file_store.h"
#include "registry/test_hub.h"
#include "registry/upload_store.h"

namespace strandline::registry {
namespace {

using std::chrono::hours;
using test::code_of;
using test::must;

class Uploads : public test::HubTest {
protected:
    UploadStore uploads{*database, clock};
};
STRANDLINE_ON_EVERY_DATABASE(Uploads);

TEST_P(Uploads, AdvanceOnlyFromWhereTheyAre) {
    UploadRequest request;
    request.length = 100;
    request.expected = sha256("x");
    request.filename = "model.onnx";
    request.owner = "ci";
    const auto upload = must(uploads.create(request));
    EXPECT_EQ(upload.offset, 0U);
    EXPECT_EQ(upload.expected, request.expected);
    must(uploads.advance(upload.id, 0, 60));
    EXPECT_EQ(code_of(uploads.advance(upload.id, 0, 60)), Errc::conflict);
    EXPECT_EQ(code_of(uploads.advance(upload.id, 60, 101)), Errc::invalid);
    EXPECT_EQ(code_of(uploads.advance(upload.id, 60, 59)), Errc::invalid);
    must(uploads.advance(upload.id, 60, 100));
    EXPECT_EQ(must(uploads.get(upload.id)).offset, 100U);
    must(uploads.remove(upload.id));
    EXPECT_EQ(code_of(uploads.get(upload.id)), Errc::not_found);
    EXPECT_EQ(code_of(uploads.remove(upload.id)), Errc::not_found);
}

TEST_P(Uploads, ExpireUnlessTheyGoOn) {
    UploadRequest request;
    request.length = 10;
    request.lifetime = hours{1};
    const auto quiet = must(uploads.create(request));
    const auto busy = must(uploads.create(request));
    clock.advance(hours{1} - std::chrono::milliseconds{1});
    must(uploads.advance(busy.id, 0, 5, hours{1}));
    clock.advance(std::chrono::milliseconds{1});
    EXPECT_EQ(must(uploads.expired()), std::vector{quiet.id});
    EXPECT_EQ(code_of(uploads.get(quiet.id)), Errc::not_found);
    EXPECT_EQ(must(uploads.get(busy.id)).offset, 5U);
}

class LegacyFiles : public test::HubTest {
protected:
    LegacyFileStore files{*database, clock};
};
STRANDLINE_ON_EVERY_DATABASE(LegacyFiles);

TEST_P(LegacyFiles, AreFoundByIdVersionAndName) {
    LegacyFile file;
    file.title = "Model";
    file.version = "01";
    file.filename = "Model-01.zip";
    file.blob = sha256("zip");
    file.size = 3;
    const auto added = must(files.add(file));
    EXPECT_GT(added.id, 0);
    EXPECT_EQ(must(files.find("Model", "01")).id, added.id);
    EXPECT_EQ(must(files.find_file("Model", "Model-01.zip")).blob, file.blob);
    EXPECT_EQ(code_of(files.add(file)), Errc::conflict);
    file.version = "02";
    const auto second = must(files.add(file));
    auto renamed = second;
    renamed.version = "01";
    EXPECT_EQ(code_of(files.update(renamed)), Errc::conflict);
    renamed.version = "03";
    renamed.description = "better";
    must(files.update(renamed));
    EXPECT_EQ(must(files.get(second.id)).description, "better");
    EXPECT_EQ(must(files.list()).size(), 2U);
    EXPECT_EQ(must(files.list(added.id)).size(), 1U);
    must(files.remove(added.id));
    EXPECT_EQ(code_of(files.get(added.id)), Errc::not_found);
    EXPECT_EQ(code_of(files.remove(added.id)), Errc::not_found);
    // An id never comes back as something else.
    file.version = "04";
    EXPECT_GT(must(files.add(file)).id, second.id);
}

TEST(ColumnsJson, KeepsLabelsAndEscapesEvents) {
    const std::map<std::string, std::string> labels{{"a", "1"}, {"b", "\"quoted\" \u00e9"}};
    EXPECT_EQ(must(labels_from_json(labels_to_json(labels))), labels);
    EXPECT_EQ(event_json({{"device", std::string("d\"1")}, {"size", std::int64_t{7}}}),
              R"({"device":"d\"1","size":7})");
    EXPECT_FALSE(labels_from_json("[]"));
    EXPECT_FALSE(labels_from_json(R"({"a":1})"));
}

}  // namespace
}  // namespace strandline::registry
