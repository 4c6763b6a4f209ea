// What the self-proofs share: known tensors, and a witness of what the handlers are told.
#pragma once

#include <cstdint>
#include <exception>
#include <initializer_list>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "layout.h"
#include "symbols.h"
#include "tio_observer.h"

namespace tio {

inline constexpr int32_t kFloat32 = 6;  // c10::ScalarType::Float
inline constexpr int32_t kInt64 = 4;    // c10::ScalarType::Long
inline constexpr int64_t kSide = 64;    // proof matrices are 64 x 64 floats
inline constexpr uint64_t kMatrixBytes = kSide * kSide * sizeof(float);

class ProofTensor {
  public:
    ProofTensor(const Symbols& symbols, std::initializer_list<int64_t> sizes, int32_t dtype,
                abi::Device device = {});
    ~ProofTensor();
    ProofTensor(const ProofTensor&) = delete;
    ProofTensor& operator=(const ProofTensor&) = delete;

    // An at::Tensor*; nullptr when libtorch could not make it.
    void* handle() const { return handle_; }
    void* data() const;
    void* storage(const Layout& layout) const;

  private:
    const Symbols& symbols_;
    void* handle_ = nullptr;
};

// What the handlers were told about the proof's ops, newest last, and about blocks on the proof's thread.
struct Witness {
    struct Seen {
        std::string schema;
        std::vector<tio_obs_operand> operands;
        uint32_t depth;
        uint32_t scope;
        bool begin;
    };
    std::vector<std::string> schemas;
    std::vector<Seen> events;
    std::vector<std::pair<void*, uint64_t>> allocated;
    std::vector<void*> freed;
    std::thread::id thread = std::this_thread::get_id();

    void fill(tio_obs_handlers& handlers);
    const Seen* find(const std::string& prefix, bool begin) const;
};

std::string check_operand(const Witness::Seen* seen, const char* what, size_t index, void* storage,
                          const void* data, uint32_t argument);

template <class Call>
bool throws(Call call) {
    try {
        call();
        return false;
    } catch (const std::exception&) {
        return true;
    }
}

}  // namespace tio
