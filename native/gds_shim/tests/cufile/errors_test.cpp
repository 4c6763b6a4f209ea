// cuFile's codes as text and as statuses.
#include "cufile/errors.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

using namespace tio::gds;
using namespace tio::gds::cufile;

TEST(CufileErrors, EveryDocumentedCodeHasAnotherNameAndItsNumber) {
    std::set<std::string> names;
    for (int code = 5001; code <= 5050; ++code) {
        if (code == 5032) continue;  // no release has it
        const std::string text = describe_code(code);
        EXPECT_EQ(0u, text.rfind("CU_FILE_", 0)) << text;
        EXPECT_NE(std::string::npos, text.find("(" + std::to_string(code) + "): ")) << text;
        names.insert(text.substr(0, text.find(' ')));
    }
    EXPECT_EQ(49u, names.size());
}

TEST(CufileErrors, UnknownCodesPrintAsNumbers) {
    EXPECT_EQ("cuFile error 5032", describe_code(5032));
    EXPECT_EQ("cuFile error 5999", describe_code(5999));
    EXPECT_EQ("cuFile error -7", describe_code(-7));
    EXPECT_EQ(TIO_E_DEVICE, status_of_code(5999));
}

TEST(CufileErrors, ACudaErrorInsideCufileShowsItsNumber) {
    EXPECT_NE(std::string::npos, describe(Error{5011, 700}).find("CUresult 700"));
    EXPECT_EQ(std::string::npos, describe(Error{5030, 700}).find("700"));
}

TEST(CufileErrors, StatusesTellWhatTheCallerCanDo) {
    EXPECT_EQ(TIO_E_UNSUPPORTED, status_of_code(5010));
    EXPECT_EQ(TIO_E_INVALID, status_of_code(5013));
    EXPECT_EQ(TIO_E_NOMEM, status_of_code(5036));
    EXPECT_EQ(TIO_E_BUSY, status_of_code(5039));
    EXPECT_EQ(TIO_E_DEVICE, status_of_code(5030));
}

TEST(CufileErrors, ResultsOfTransfersAreAnErrnoOrACode) {
    EXPECT_EQ(ENOSPC, code_of_result(-1, ENOSPC));
    EXPECT_EQ(EIO, code_of_result(-1, 0));
    EXPECT_EQ(5008, code_of_result(-5008, ENOSPC));
    EXPECT_EQ(5, code_of_result(-5, 0));
    EXPECT_EQ(EIO, code_of_result(INT64_MIN, 0));
}

TEST(CufileErrors, AreDescribedThroughTheAbi) {
    char text[256] = "";
    EXPECT_LT(0u, tio_gds_describe_error(TIO_E_DEVICE, 5036, text, sizeof(text)));
    EXPECT_EQ(describe_code(5036), text);
    tio_gds_describe_error(TIO_E_IO, EIO, text, sizeof(text));
    EXPECT_EQ(describe_errno(EIO), text);
    tio_gds_describe_error(TIO_E_SHORT, 0, text, sizeof(text));
    EXPECT_STREQ("TIO_E_SHORT", text);
}
