#include "delta/files.h"

#include <filesystem>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "delta/test/test_support.h"

namespace strandline::delta {
namespace {

namespace fs = std::filesystem;

class FilesTest : public testing::Test {
public:
    ~FilesTest() override {
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
    }

protected:
    FilesTest() {
        std::string pattern = (fs::temp_directory_path() / "delta-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
    }

    fs::path store(const char* name, ByteSpan bytes) {
        auto out = FileWriter::open(folder_ / name);
        EXPECT_TRUE(out && out->write(bytes));
        return folder_ / name;
    }
    static Bytes load(const fs::path& path) {
        auto in = FileReader::open(path);
        Bytes bytes(static_cast<std::size_t>(in->size()));
        EXPECT_TRUE(in->read_at(0, bytes));
        return bytes;
    }

    fs::path folder_;
};

TEST_F(FilesTest, MakesAndAppliesDeltasOfFiles) {
    const auto pair = small_mixed_pair();
    const auto old_file = store("old", pair.old_file);
    const auto new_file = store("new", pair.new_file);
    const auto stats = make_delta_file(old_file, new_file, folder_ / "delta");
    ASSERT_TRUE(stats) << stats.error().message;
    EXPECT_EQ(stats->patch_size, fs::file_size(folder_ / "delta"));
    EXPECT_EQ(read_info_file(folder_ / "delta")->new_size, pair.new_file.size());
    const auto info = apply_delta(old_file, folder_ / "delta", folder_ / "out");
    ASSERT_TRUE(info) << info.error().message;
    EXPECT_EQ(load(folder_ / "out"), pair.new_file);
    // The small delta knows half of it.
    EXPECT_EQ(info->new_sha256, sha256(pair.new_file));
    EXPECT_EQ(verify_delta(old_file, folder_ / "delta")->new_sha256_text(),
              sha256(pair.new_file).hex());
}

TEST_F(FilesTest, EmptyFilesWork) {
    const auto empty = store("empty", {});
    ASSERT_TRUE(make_delta_file(empty, empty, folder_ / "delta"));
    ASSERT_TRUE(apply_delta(empty, folder_ / "delta", folder_ / "out"));
    EXPECT_EQ(fs::file_size(folder_ / "out"), 0u);
}

TEST_F(FilesTest, ReplacesLongerFilesThatAreInTheWay) {
    const auto pair = small_mixed_pair();
    const auto old_file = store("old", pair.old_file);
    const auto new_file = store("new", pair.new_file);
    store("delta", random_bytes(100'000, 1));
    store("out", random_bytes(100'000, 1));
    ASSERT_TRUE(make_delta_file(old_file, new_file, folder_ / "delta"));
    ASSERT_TRUE(apply_delta(old_file, folder_ / "delta", folder_ / "out"));
    EXPECT_EQ(load(folder_ / "out"), pair.new_file);
}

TEST_F(FilesTest, LeavesNoOutputBehindAnErrorUnlessItIsToBeResumed) {
    const auto pair = small_mixed_pair();
    const auto old_file = store("old", pair.old_file);
    const auto patch = *encode(pair.old_file, pair.new_file);
    const auto cut = store("cut", ByteSpan(patch).first(patch.size() - 1));
    EXPECT_FALSE(apply_delta(old_file, cut, folder_ / "out"));
    EXPECT_FALSE(fs::exists(folder_ / "out"));
    EXPECT_FALSE(apply_delta(old_file, cut, folder_ / "out", {}, Partial::resume));
    EXPECT_TRUE(fs::exists(folder_ / "out"));
    const auto whole = store("whole", patch);
    ASSERT_TRUE(apply_delta(old_file, whole, folder_ / "out", {}, Partial::resume));
    EXPECT_EQ(load(folder_ / "out"), pair.new_file);
    ASSERT_TRUE(apply_delta(old_file, whole, folder_ / "out", {}, Partial::resume))
        << "again, when complete";
    EXPECT_EQ(load(folder_ / "out"), pair.new_file);
}

// A process that is killed in the midst of it, and another one that goes on.
TEST_F(FilesTest, ReplacesFilesInPlaceAlsoAfterKills) {
    const Bytes weights = float_weights(100'000, 1);
    const auto old_bytes = concatenated({metadata_text(10, "1"), weights});
    const auto new_bytes = concatenated({metadata_text(200, "2"), fine_tuned(weights, 1e-3, 2)});
    EncodeOptions options;
    options.in_place = true;
    options.segment_bytes = 64u << 10;
    const auto delta = store("delta", *encode(old_bytes, new_bytes, options));
    const auto journal = folder_ / "journal";
    int killed = 0;
    for (int most = 1;; ++most) {
        const auto model = store("model", old_bytes);
        fs::remove(journal);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            int asked = 0;
            ApplyOptions dying;
            dying.cancelled = [&] {
                if (++asked >= most) ::_exit(9);
                return false;
            };
            ::_exit(apply_delta_in_place(model, delta, journal, dying) ? 0 : 1);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_TRUE(WIFEXITED(status));
        if (WEXITSTATUS(status) == 9) ++killed;
        const auto info = apply_delta_in_place(model, delta, journal);
        ASSERT_TRUE(info) << info.error().message;
        EXPECT_EQ(load(model), new_bytes);
        EXPECT_FALSE(fs::exists(journal));
        if (WEXITSTATUS(status) == 0) break;
        ASSERT_EQ(WEXITSTATUS(status), 9);
    }
    EXPECT_GT(killed, 1);
}

TEST_F(FilesTest, TheJournalCannotBeOneOfTheOtherFiles) {
    const auto pair = small_mixed_pair();
    const auto model = store("model", pair.old_file);
    EncodeOptions options;
    options.in_place = true;
    const auto delta = store("delta", *encode(pair.old_file, pair.new_file, options));
    for (const auto& journal : {model, delta}) {
        const auto refused = apply_delta_in_place(model, delta, journal);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::invalid);
    }
    EXPECT_EQ(load(model), pair.old_file);
    EXPECT_EQ(apply_delta_in_place(folder_ / "none", delta, folder_ / "journal").error().code,
              Errc::not_found);
    EXPECT_FALSE(fs::exists(folder_ / "journal"));
}

TEST_F(FilesTest, NamesWhatIsMissingAndRefusesToOverwriteItsInputs) {
    const auto missing = apply_delta(folder_ / "nowhere", folder_ / "delta", folder_ / "out");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Errc::not_found);
    EXPECT_NE(missing.error().message.find("nowhere"), std::string::npos);
    EXPECT_EQ(make_delta_file(folder_ / "nowhere", folder_ / "x", folder_ / "y").error().code,
              Errc::not_found);

    const auto pair = small_mixed_pair();
    const auto old_file = store("old", pair.old_file);
    const auto delta = store("delta", *encode(pair.old_file, pair.new_file));
    for (const auto& input : {old_file, delta}) {
        const auto before = load(input);
        const auto same = apply_delta(old_file, delta, input);
        ASSERT_FALSE(same);
        EXPECT_EQ(same.error().code, Errc::invalid);
        EXPECT_EQ(load(input), before);
    }
}

TEST_F(FilesTest, MakingADeltaLeavesItsInputsAndForeignFilesAlone) {
    const auto pair = small_mixed_pair();
    const auto old_file = store("old", pair.old_file);
    const auto new_file = store("new", pair.new_file);
    fs::create_hard_link(new_file, folder_ / "link");
    for (const auto& output : {old_file, new_file, folder_ / "link"}) {
        const auto refused = make_delta_file(old_file, new_file, output);
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code, Errc::invalid);
    }
    // The output was named first.
    EXPECT_FALSE(make_delta_file(folder_ / "delta", old_file, new_file));
    EXPECT_EQ(load(old_file), pair.old_file);
    EXPECT_EQ(load(new_file), pair.new_file);
}

}  // namespace
}  // namespace strandline::delta
