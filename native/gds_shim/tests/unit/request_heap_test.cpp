#include "request_heap.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <tuple>

using namespace tio::gds;

namespace {

struct Heap : ::testing::Test {
    static constexpr uint32_t capacity = 64;
    std::unique_ptr<Request[]> requests = std::make_unique<Request[]>(capacity);
    RequestHeap heap{requests.get(), capacity};
    uint64_t sequence = 0;

    void push(RequestIndex index, int32_t priority) {
        requests[index].priority = priority;
        requests[index].sequence = sequence++;
        heap.push(index);
    }
    RequestIndex pop() {
        const RequestIndex top = heap.top();
        heap.remove(top);
        return top;
    }
};

}  // namespace

TEST_F(Heap, PutsLowerPrioritiesFirst) {
    push(0, 2);
    push(1, -1);
    push(2, 0);
    EXPECT_EQ(1u, pop());
    EXPECT_EQ(2u, pop());
    EXPECT_EQ(0u, pop());
    EXPECT_TRUE(heap.empty());
}

TEST_F(Heap, KeepsTheOrderOfSubmissionAmongEquals) {
    for (RequestIndex i = 0; i < 10; ++i) push(9 - i, 7);
    for (RequestIndex i = 0; i < 10; ++i) EXPECT_EQ(9 - i, pop());
}

TEST_F(Heap, AgreesWithASortedSetUnderRandomRemovals) {
    std::mt19937 random(4711);
    std::set<std::tuple<int32_t, uint64_t, RequestIndex>> model;
    std::set<RequestIndex> free;
    for (RequestIndex i = 0; i < capacity; ++i) free.insert(i);
    for (int step = 0; step < 20000; ++step) {
        if (!free.empty() && random() % 2 == 0) {
            const RequestIndex index = *free.begin();
            free.erase(free.begin());
            push(index, static_cast<int32_t>(random() % 5));
            model.emplace(requests[index].priority, requests[index].sequence, index);
        } else if (!model.empty()) {
            auto victim = model.begin();
            std::advance(victim, static_cast<std::ptrdiff_t>(random() % model.size()));
            heap.remove(std::get<2>(*victim));
            free.insert(std::get<2>(*victim));
            model.erase(victim);
        }
        ASSERT_EQ(model.size(), heap.size());
        if (!model.empty()) {
            ASSERT_EQ(std::get<2>(*model.begin()), heap.top());
        }
    }
}
