#include "file_size_signal.h"

#include <pthread.h>

#include <ctime>

namespace tio::gds {

namespace {

sigset_t only_file_size_signal() noexcept {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGXFSZ);
    return set;
}

bool is_pending() noexcept {
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) == 1;
}

}  // namespace

FileSizeSignalBlock::FileSizeSignalBlock() noexcept : was_pending_(is_pending()) {
    const sigset_t blocked = only_file_size_signal();
    pthread_sigmask(SIG_BLOCK, &blocked, &previous_mask_);
}

FileSizeSignalBlock::~FileSizeSignalBlock() {
    if (!was_pending_ && is_pending()) {
        const sigset_t blocked = only_file_size_signal();
        const timespec no_wait{};
        sigtimedwait(&blocked, nullptr, &no_wait);
    }
    pthread_sigmask(SIG_SETMASK, &previous_mask_, nullptr);
}

void block_all_signals() noexcept {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace tio::gds
