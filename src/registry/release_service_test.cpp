#include "registry/release_service.h"

#include "registry/blob_references.h"
#include "registry/channel_store.h"
#include "registry/package_store.h"
#include "registry/release_store.h"
#include "registry/test_hub.h"

namespace strandline::registry {
namespace {

using test::code_of;
using test::must;

class Releases : public test::HubTest {
protected:
    ReleaseService service{*database, *blobs, clock, signer(trust::manifest_type), recorder()};
    ReleaseStore releases{*database};
    PackageStore packages{*database, clock};
    ChannelStore channels{*database, clock, recorder()};
};
STRANDLINE_ON_EVERY_DATABASE(Releases);

TEST_P(Releases, AreStoredWithASignedManifest) {
    auto wanted = request("face", "01", "weights");
    wanted.files.push_back({"labels.txt", put("a\nb\n"), false});
    wanted.labels = {{"by", "training"}};
    const auto made = must(service.create(wanted));
    EXPECT_TRUE(made.created);
    EXPECT_EQ(made.release.triple, (Triple{"face", "1.0.0", "default"}));
    EXPECT_EQ(made.release.entry, "model.onnx");
    EXPECT_EQ(made.release.size, 11U);
    ASSERT_EQ(made.release.files.size(), 2U);
    EXPECT_EQ(made.release.files[0].path, "labels.txt");

    const auto json = must(releases.manifest_envelope(made.release.manifest));
    const auto envelope = must(trust::envelope_from_json(json));
    const std::vector keys{key.public_key()};
    const auto payload = must(trust::verify_envelope(envelope, trust::manifest_type, keys));
    const auto manifest = must(trust::manifest_from_json(payload));
    EXPECT_EQ(manifest.package, "face");
    EXPECT_EQ(manifest.version, "1.0.0");
    EXPECT_EQ(manifest.files, made.release.files);
    EXPECT_EQ(must(releases.get("face@v1")).id, made.release.id);
    EXPECT_EQ(must(releases.get(made.release.id)).labels.at("by"), "training");
}

TEST_P(Releases, AreTheSameWhenTheContentIsAndRefusedWhenItIsNot) {
    auto wanted = request("face", "1.0.0", "weights");
    wanted.files.push_back({"labels.txt", put("a"), false});
    const auto first = must(service.create(wanted));
    std::swap(wanted.files[0], wanted.files[1]);
    const auto again = must(service.create(wanted));
    EXPECT_FALSE(again.created);
    EXPECT_EQ(again.release.id, first.release.id);
    EXPECT_EQ(events.size(), 1U);

    const auto other = service.create(request("face", "1.0.0", "other weights"));
    EXPECT_EQ(code_of(other), Errc::conflict);
    EXPECT_NE(other.error().message.find("face@1.0.0:default"), std::string::npos);
    EXPECT_EQ(must(releases.count()), 1);
}

TEST_P(Releases, RefuseBadRequestsNamingTheField) {
    struct Case {
        std::string what;
        std::function<void(ReleaseRequest&)> spoil;
        Errc code;
        std::string named;
    };
    const std::vector<Case> cases{
        {"name", [](auto& r) { r.package = "../etc"; }, Errc::invalid, "package"},
        {"version", [](auto& r) { r.version = "latest"; }, Errc::invalid, "version"},
        {"variant", [](auto& r) { r.variant = "a b"; }, Errc::invalid, "variant"},
        {"no files", [](auto& r) { r.files.clear(); }, Errc::invalid, "files"},
        {"path", [](auto& r) { r.files[0].path = "../x"; }, Errc::invalid, "../x"},
        {"twice", [](auto& r) { r.files.push_back(r.files[0]); }, Errc::invalid, "twice"},
        {"blob", [](auto& r) { r.files[0].sha256 = sha256("absent"); }, Errc::not_found,
         "model.onnx"},
        {"entry", [](auto& r) { r.entry = "run"; }, Errc::invalid, "entry"},
        {"golden",
         [](auto& r) {
             r.golden = trust::GoldenSpec{"g", 0, 0};
         },
         Errc::invalid, "golden"},
        {"channel", [](auto& r) { r.channel = "a/b"; }, Errc::invalid, "channel"},
        {"ambiguous",
         [](auto& r) {
             r.files[0].path = "a.onnx";
             r.files.push_back({"b.onnx", r.files[0].sha256, false});
         },
         Errc::invalid, "entry"},
    };
    for (const auto& c : cases) {
        auto wanted = request("face", "1.0.0", "weights");
        c.spoil(wanted);
        const auto made = service.create(wanted);
        ASSERT_FALSE(made) << c.what;
        EXPECT_EQ(made.error().code, c.code) << c.what;
        EXPECT_NE(made.error().message.find(c.named), std::string::npos) << made.error().message;
    }
    EXPECT_EQ(must(releases.count()), 0);
    EXPECT_TRUE(must(packages.list({})).items.empty());
}

TEST_P(Releases, AreListedNewestFirstInPages) {
    for (int i = 0; i < 5; ++i) {
        must(service.create(request("p", std::to_string(i), std::to_string(i))));
    }
    std::vector<std::string> seen;
    PageRequest page{2, ""};
    for (;;) {
        const auto part = must(releases.list({"p", "", ""}, page));
        for (const auto& release : part.items) seen.push_back(release.triple.version);
        if (!part.next) break;
        page.cursor = *part.next;
    }
    EXPECT_EQ(seen, (std::vector<std::string>{"4.0.0", "3.0.0", "2.0.0", "1.0.0", "0.0.0"}));
    EXPECT_EQ(code_of(releases.list({}, {10, "x"})), Errc::invalid);
    EXPECT_EQ(must(releases.list({"p", "3.0.0", ""}, {})).items.size(), 1U);
    EXPECT_TRUE(must(releases.list({"q", "", ""}, {})).items.empty());
}

TEST_P(Releases, CannotBeRemovedWhileAChannelPointsToThem) {
    auto wanted = request("face", "1.0.0", "weights");
    wanted.channel = "stable";
    const auto made = must(service.create(wanted));
    EXPECT_TRUE(made.channel_moved);
    EXPECT_EQ(made.release.channels, std::vector<std::string>{"stable"});
    const auto remove = [&] {
        return database->write<void>(
            [&](store::Transaction& t) { return ReleaseStore::remove(t, made.release); });
    };
    EXPECT_EQ(code_of(remove()), Errc::conflict);
    must(channels.remove("face", "stable"));
    must(remove());
    EXPECT_EQ(code_of(releases.get(made.release.id)), Errc::not_found);
    BlobReferences references(*database);
    EXPECT_FALSE(must(references.is_referenced(made.release.files[0].sha256)));
}

TEST_P(Releases, KeepTheirFilesFromCollection) {
    const auto made = must(service.create(request("face", "1.0.0", "weights")));
    BlobReferences references(*database);
    EXPECT_TRUE(must(references.is_referenced(made.release.files[0].sha256)));
    EXPECT_TRUE(must(references.is_release_file(made.release.files[0].sha256)));
    EXPECT_FALSE(must(references.is_referenced(put("stray"))));
}

TEST_P(Releases, KeepFilesThatACollectionIsAboutToTake) {
    const auto wanted = request("face", "1.0.0", "weights");
    // Stored long ago by an earlier process.
    FakeClock later(clock.wall() + std::chrono::hours{24 * 365 * 10});
    const auto old = must(store::BlobStore::open(folder, later));
    ReleaseService naming(*database, *old, clock, signer(trust::manifest_type), {});
    const auto collected = must(old->collect(
        [&](const Sha256Digest&) -> Result<bool> {
            // Looked up just before the release was stored.
            must(naming.create(wanted));
            return false;
        },
        std::chrono::hours{24}));
    EXPECT_EQ(collected.removed, 0U);
    EXPECT_TRUE(old->contains(wanted.files[0].sha256));
}

TEST_P(Releases, CanBeSignedAgainButNotChanged) {
    const auto made = must(service.create(request("face", "1.0.0", "weights")));
    const auto payload =
        must(trust::envelope_from_json(must(releases.manifest_envelope(made.release.manifest))))
            .payload;
    const auto other = must(trust::SigningKey::generate());
    const auto signed_again = must(trust::sign_envelope(trust::manifest_type, payload, other));
    must(releases.replace_envelope(made.release.manifest, trust::to_json(signed_again)));
    EXPECT_EQ(must(releases.manifest_envelope(made.release.manifest)),
              trust::to_json(signed_again));
    const auto forged = must(trust::sign_envelope(trust::manifest_type, payload + " ", other));
    EXPECT_EQ(code_of(releases.replace_envelope(made.release.manifest, trust::to_json(forged))),
              Errc::conflict);
    EXPECT_EQ(must(releases.manifests({})).items, std::vector{made.release.manifest});
}

TEST_P(Releases, ChannelsMoveOnlyToWhatExists) {
    must(service.create(request("face", "1.0.0", "one")));
    must(service.create(request("face", "2.0.0", "two")));
    EXPECT_TRUE(must(channels.move("stable", {"face", "1.0.0", "default"})).moved);
    EXPECT_FALSE(must(channels.move("stable", {"face", "1", ""})).moved);
    const auto moved = must(channels.move("stable", {"face", "2.0.0", "default"}));
    EXPECT_TRUE(moved.moved);
    EXPECT_EQ(moved.channel.triple.version, "2.0.0");
    EXPECT_EQ(code_of(channels.move("stable", {"face", "3.0.0", "default"})), Errc::not_found);
    EXPECT_EQ(code_of(channels.move("a b", {"face", "1.0.0", "default"})), Errc::invalid);
    EXPECT_EQ(must(channels.list("face")).size(), 1U);
    EXPECT_EQ(code_of(channels.list("nothing")), Errc::not_found);
    EXPECT_EQ(code_of(channels.get("face", "canary")), Errc::not_found);
    EXPECT_EQ(code_of(channels.remove("face", "canary")), Errc::not_found);
    const auto moves = std::count_if(events.begin(), events.end(),
                                     [](const auto& e) { return e.type == "channel.moved"; });
    EXPECT_EQ(moves, 2);
}

TEST_P(Releases, PackagesKnowTheirHighestVersionAndVariants) {
    for (const auto* version : {"1.10.0", "1.9.0", "2.0.0-rc.1"}) {
        must(service.create(request("face", version, version)));
    }
    auto sunny = request("face", "1.0.0", "sun");
    sunny.variant = "sunny";
    must(service.create(sunny));
    must(packages.create("empty", "nothing yet"));
    const auto face = must(packages.get("face"));
    EXPECT_EQ(face.releases, 4);
    EXPECT_EQ(face.latest, "1.10.0");
    EXPECT_EQ(must(packages.get("empty")).latest, "");
    const auto variants = must(packages.variants("face"));
    ASSERT_EQ(variants.size(), 2U);
    EXPECT_EQ(variants[0].name, "default");
    EXPECT_EQ(variants[1].latest, "1.0.0");
    EXPECT_EQ(must(packages.describe("face", "finds faces")).description, "finds faces");
    EXPECT_EQ(code_of(packages.create("face", "")), Errc::conflict);
    EXPECT_EQ(code_of(packages.remove("face")), Errc::conflict);
    must(packages.remove("empty"));
    EXPECT_EQ(code_of(packages.get("empty")), Errc::not_found);
}

TEST(Triple, IsReadFromText) {
    struct Case {
        std::string text;
        std::string canonical;
    };
    for (const auto& c : std::vector<Case>{{"face@1.2.3:int8", "face@1.2.3:int8"},
                                           {"face@01", "face@1.0.0:default"},
                                           {"a.b-c@1.0.0-rc.1+b5:x", "a.b-c@1.0.0-rc.1+b5:x"}}) {
        const auto triple = parse_triple(c.text);
        ASSERT_TRUE(triple) << c.text;
        EXPECT_EQ(to_string(*triple), c.canonical);
    }
    for (const std::string bad : {"", "face", "@1", "face@", "face@1:", "face@1:a:b", "a/b@1"}) {
        EXPECT_EQ(code_of(parse_triple(bad)), Errc::invalid) << bad;
    }
}

}  // namespace
}  // namespace strandline::registry
