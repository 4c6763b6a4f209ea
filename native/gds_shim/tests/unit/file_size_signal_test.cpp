#include "file_size_signal.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <ctime>

using namespace tio::gds;

namespace {

bool file_size_signal_is_pending() {
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGXFSZ) == 1;
}

}  // namespace

TEST(FileSizeSignalBlock, SwallowsTheSignalOfTheGuardedCall) {
    {
        const FileSizeSignalBlock block;
        pthread_kill(pthread_self(), SIGXFSZ);
    }
    EXPECT_FALSE(file_size_signal_is_pending());
}

TEST(FileSizeSignalBlock, LeavesASignalThatWasPendingBefore) {
    sigset_t file_size;
    sigset_t previous;
    sigemptyset(&file_size);
    sigaddset(&file_size, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &file_size, &previous);
    pthread_kill(pthread_self(), SIGXFSZ);
    { const FileSizeSignalBlock block; }
    EXPECT_TRUE(file_size_signal_is_pending());
    const timespec no_wait{};
    sigtimedwait(&file_size, nullptr, &no_wait);
    pthread_sigmask(SIG_SETMASK, &previous, nullptr);
}

TEST(FileSizeSignalBlock, RestoresTheMask) {
    sigset_t before;
    sigset_t after;
    pthread_sigmask(SIG_SETMASK, nullptr, &before);
    { const FileSizeSignalBlock block; }
    pthread_sigmask(SIG_SETMASK, nullptr, &after);
    EXPECT_EQ(sigismember(&before, SIGXFSZ), sigismember(&after, SIGXFSZ));
}
