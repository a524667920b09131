#include "hub/legacy/legacy_names.h"

#include <gtest/gtest.h>

namespace strandline::hub {
namespace {

TEST(LegacyNames, TitlesBecomePackageNames) {
    EXPECT_EQ(package_of_title("Leaf Disease (v2)"), "leaf-disease-v2");
    EXPECT_EQ(package_of_title("Model"), "model");
    EXPECT_EQ(package_of_title("../etc/passwd"), "etc-passwd");
    EXPECT_EQ(package_of_title("\xeb\xaa\xa8"), "model");
    EXPECT_EQ(package_of_title(""), "model");
    EXPECT_EQ(package_of_title(std::string(200, 'x')).size(), 64U);
}

TEST(LegacyNames, DocumentsCarryTitleVersionAndTheLastExtension) {
    EXPECT_EQ(document_name("Leaf", "1.0.1", "best.model.onnx"), "Leaf-1.0.1.onnx");
    EXPECT_EQ(document_name("Leaf", "01", "noextension"), "Leaf-01");
    EXPECT_EQ(document_name("a/b", "1", "x.zip"), "a_b-1.zip");
    EXPECT_EQ(document_name("a", "1", "x.o$x"), "a-1");
    EXPECT_EQ(document_name("a", "1", "x."), "a-1");
    EXPECT_EQ(document_name("a\nb", "../1", "x.ZIP"), "a_b-.._1.ZIP");
}

TEST(LegacyNames, FoldersCannotLeaveTheirPlace) {
    EXPECT_EQ(folder_name(".."), "_");
    EXPECT_EQ(folder_name("."), "_");
    EXPECT_EQ(folder_name("a/../b"), "a_.._b");
}

}  // namespace
}  // namespace strandline::hub
