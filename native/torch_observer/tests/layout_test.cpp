#include "layout.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>

namespace tio {
namespace {

TEST(Layout, KnowsTheVersionThatNuGetServes) {
    ASSERT_NE(find_layout("2.10.0"), nullptr);
    EXPECT_NE(known_versions().find("2.10.0"), std::string::npos);
}

TEST(Layout, HasNoRowForAnUnknownVersion) {
    EXPECT_EQ(find_layout("0.4.1"), nullptr);
    EXPECT_EQ(find_layout(""), nullptr);
}

TEST(Layout, SkewMovesExactlyOneOffset) {
    const Layout& base = *find_layout("2.10.0");
    for (uint32_t field = 1; field <= kLayoutFields; ++field) {
        const Layout moved = skewed(base, field, 8);
        const auto* before = reinterpret_cast<const unsigned char*>(&base);
        const auto* after = reinterpret_cast<const unsigned char*>(&moved);
        int changed = 0;
        for (size_t at = offsetof(Layout, record_scope); at < offsetof(Layout, tag_tensor);
             at += sizeof(int32_t)) {
            int32_t was = 0;
            int32_t is = 0;
            std::memcpy(&was, before + at, sizeof was);
            std::memcpy(&is, after + at, sizeof is);
            if (was == is) continue;
            EXPECT_EQ(is, was + 8);
            ++changed;
        }
        EXPECT_EQ(changed, 1) << "field " << field;
    }
}

}  // namespace
}  // namespace tio
