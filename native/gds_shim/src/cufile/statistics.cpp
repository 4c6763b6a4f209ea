#include "cufile/statistics.h"

#include <cstring>
#include <memory>
#include <string>

#include "cufile/errors.h"

namespace tio::gds::cufile {

namespace {

// Offsets within level 1. The bytes of the struct before CUDA 13.4, and with its appended fields.
constexpr size_t read_ops_at = 0;  // ok, then err
constexpr size_t write_ops_at = 16;
constexpr size_t read_bytes_at = 96;
constexpr size_t write_bytes_at = 104;
constexpr size_t level1_bytes = 512;
constexpr size_t level1_bytes_with_vector = 624;
// Level 2 appends two histograms of 32 counts; level 3 the count of GPUs and sixteen of these.
constexpr size_t histograms_bytes = 2 * 32 * 8;
constexpr uint32_t most_gpus = 16;
constexpr size_t gpu_bytes = 248;
constexpr size_t gpu_p2p_reads_at = 56;
constexpr size_t gpu_p2p_writes_at = 160;

static_assert(level1_bytes_with_vector + histograms_bytes + 8 + most_gpus * gpu_bytes == 5112);
static_assert(level1_bytes + histograms_bytes + 8 + most_gpus * gpu_bytes == 5000);

uint64_t number_at(const StatisticsBuffer& buffer, size_t offset) {
    uint64_t value;
    std::memcpy(&value, buffer.data() + offset, sizeof(value));
    return value;
}

void add_routes(RouteCounts& sum, const StatisticsBuffer& buffer, size_t offset) {
    sum.p2p += number_at(buffer, offset);
    sum.nvfs += number_at(buffer, offset + 8);
    sum.posix += number_at(buffer, offset + 16);
}

}  // namespace

Statistics decode_statistics(const StatisticsBuffer& buffer, bool has_vector_io) {
    Statistics result;
    result.reads = number_at(buffer, read_ops_at);
    result.failed_reads = number_at(buffer, read_ops_at + 8);
    result.writes = number_at(buffer, write_ops_at);
    result.failed_writes = number_at(buffer, write_ops_at + 8);
    result.read_bytes = number_at(buffer, read_bytes_at);
    result.written_bytes = number_at(buffer, write_bytes_at);

    const size_t level2_bytes = (has_vector_io ? level1_bytes_with_vector : level1_bytes) + histograms_bytes;
    uint32_t gpus;
    std::memcpy(&gpus, buffer.data() + level2_bytes, sizeof(gpus));
    if (gpus > most_gpus)
        throw Failure(TIO_E_UNSUPPORTED,
                      "cuFile's statistics name " + std::to_string(gpus) +
                          " GPUs: this release lays them out in a way that is not known here");
    for (uint32_t gpu = 0; gpu < gpus; ++gpu) {
        const size_t at = level2_bytes + 8 + gpu * gpu_bytes;
        add_routes(result.read_routes, buffer, at + gpu_p2p_reads_at);
        add_routes(result.write_routes, buffer, at + gpu_p2p_writes_at);
    }
    return result;
}

void StatisticsCollector::begin(const Library& library) {
    const std::lock_guard lock(mutex_);
    if ((library.capabilities() & TIO_CUFILE_CAN_STATISTICS) == 0)
        throw Failure(TIO_E_UNSUPPORTED, "libcufile " + library.version_text() +
                                             " has no statistics; they came with 1.15 (CUDA 13.0)");
    if (users_ == 0) {
        require_success("cuFileSetStatsLevel", library.call().set_statistics_level(3));
        require_success("cuFileStatsStart", library.call().statistics_start());
        library_ = &library;
    }
    ++users_;
}

void StatisticsCollector::end() noexcept {
    const std::lock_guard lock(mutex_);
    if (users_ != 0 && --users_ == 0) library_->call().statistics_stop();
}

Statistics StatisticsCollector::read() const {
    const std::lock_guard lock(mutex_);
    if (library_ == nullptr)
        throw Failure(TIO_E_INVALID,
                      "cuFile's statistics were never turned on; see tio_gds_cufile_collect_statistics");
    const auto buffer = std::make_unique<StatisticsBuffer>();
    require_success("cuFileGetStatsL3", library_->call().get_statistics_l3(buffer->data()));
    return decode_statistics(*buffer, library_->has_vector_io());
}

void StatisticsCollector::close() noexcept {
    const std::lock_guard lock(mutex_);
    if (users_ != 0) library_->call().statistics_stop();
    users_ = 0;
    library_ = nullptr;
}

}  // namespace tio::gds::cufile
