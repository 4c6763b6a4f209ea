// A thread that works in a context.
#pragma once

#include <future>
#include <thread>
#include <utility>

#include "cuda/driver.h"
#include "file_size_signal.h"

namespace tio::gds::cuda {

// Runs `body` on a thread of its own with the context current. Throws Failure, when the thread has ended, if
// it could not enter the context.
template <typename Body>
std::thread thread_in_context(const PrimaryContext& context, Body body) {
    std::promise<Result> entered;
    std::future<Result> result = entered.get_future();
    std::thread thread([&context, body = std::move(body), entered = std::move(entered)]() mutable {
        block_all_signals();
        const Result current = context.driver().context_set_current(context.get());
        entered.set_value(current);
        if (current == success) body();
    });
    const Result current = result.get();
    if (current != success) thread.join();
    context.driver().check(current, "cuCtxSetCurrent");
    return thread;
}

}  // namespace tio::gds::cuda
