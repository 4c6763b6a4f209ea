#include "failure.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <stdexcept>

using namespace tio::gds;

namespace {

template <typename Body>
void expect_stopped(tio_status status, const std::string& text, Body&& body) {
    EXPECT_EQ(status, guarded("where", body));
    EXPECT_EQ("where: " + text, last_error());
}

}  // namespace

TEST(Firewall, PassesStatusesThrough) {
    EXPECT_EQ(TIO_E_TIMEOUT, guarded("where", [] { return TIO_E_TIMEOUT; }));
}

TEST(Firewall, LeavesTheLastErrorAloneWhenNothingIsThrown) {
    set_last_error("before", "text");
    guarded("where", [] { return TIO_E_BUSY; });
    EXPECT_STREQ("before: text", last_error());
}

TEST(Firewall, StopsFailures) {
    expect_stopped(TIO_E_UNSUPPORTED, "no", []() -> tio_status { throw Failure(TIO_E_UNSUPPORTED, "no"); });
}

TEST(Firewall, StopsOutOfMemory) {
    expect_stopped(TIO_E_NOMEM, "out of memory", []() -> tio_status { throw std::bad_alloc(); });
}

TEST(Firewall, StopsSystemErrorsWithTheStatusOfTheirErrno) {
    const std::system_error full(ENOSPC, std::generic_category(), "x");
    expect_stopped(TIO_E_FULL, full.what(), [&]() -> tio_status { throw full; });
}

TEST(Firewall, StopsOtherExceptionsAsDefects) {
    expect_stopped(TIO_E_INTERNAL, "bug", []() -> tio_status { throw std::logic_error("bug"); });
}

TEST(Firewall, StopsWhatIsNoException) {
    expect_stopped(TIO_E_INTERNAL, "unknown C++ exception", []() -> tio_status { throw 1; });
}

TEST(StatusOfErrno, IsFullForEveryWayOfBeingFull) {
    for (const int sys_errno : {ENOSPC, EDQUOT, EFBIG})
        EXPECT_EQ(TIO_E_FULL, status_of_errno(sys_errno)) << sys_errno;
}

TEST(StatusOfErrno, IsNoMemoryForENOMEM) {
    EXPECT_EQ(TIO_E_NOMEM, status_of_errno(ENOMEM));
}

TEST(StatusOfErrno, IsIoForTheRest) {
    EXPECT_EQ(TIO_E_IO, status_of_errno(EIO));
}

TEST(FailureFromErrno, NamesTheOperationAndTheNumber) {
    EXPECT_STREQ("opening 'x': No such file or directory (errno 2)",
                 Failure::from_errno("opening 'x'", ENOENT).what());
}

TEST(LastError, IsCutToItsRoom) {
    set_last_error("w", std::string(5000, 'x').c_str());
    EXPECT_EQ(1023u, std::string(last_error()).size());
}
