#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tio_gds.h"

extern "C" uint32_t abi_version_seen_by_c(void);

TEST(Abi, VersionOfTheLibraryIsTheHeaders) {
    EXPECT_EQ(TIO_GDS_ABI_VERSION, abi_version_seen_by_c());
}

TEST(Abi, EveryStatusHasANameOfItsOwn) {
    std::set<std::string> names;
    for (tio_status status = TIO_OK; status >= TIO_E_DEVICE; --status)
        names.insert(tio_gds_status_name(status));
    EXPECT_EQ(13u, names.size());
    EXPECT_EQ(0u, names.count("TIO_E_UNKNOWN"));
}

TEST(Abi, UnknownStatusHasAPrintableName) {
    EXPECT_STREQ("TIO_E_UNKNOWN", tio_gds_status_name(-4711));
}

TEST(Abi, LastErrorIsCutToTheBufferAndItsFullLengthReturned) {
    ASSERT_EQ(TIO_E_INVALID, tio_gds_wake(nullptr));
    const std::string whole = "tio_gds_wake: queue is NULL";
    char text[8];
    EXPECT_EQ(whole.size(), tio_gds_last_error(text, sizeof(text)));
    EXPECT_STREQ("tio_gds", text);
    EXPECT_EQ(whole.size(), tio_gds_last_error(nullptr, 0));
}
