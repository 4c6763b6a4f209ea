// Which way a file's bytes really go: nvidia-fs, PCI P2PDMA, or cuFile's compatibility mode.
#pragma once

#include <cstdint>
#include <string>

#include "cufile/driver.h"
#include "cufile/statistics.h"
#include "file.h"
#include "tio_gds.h"

namespace tio::gds::cufile {

// What a route depends on, gathered apart from the decision.
struct RouteFacts {
    bool direct = false;       // O_DIRECT is in force on the file
    uint64_t file_system = 0;  // statfs f_type
    bool on_nvme = false;      // the block device below is NVMe, or a RAID or mapping of such
    bool forced_compatibility = false;
    bool p2pdma_enabled = false;  // for NVMe, by parameter and driver
    bool nvidia_fs_loaded = false;
    uint32_t status_flags = 0;  // DriverProperties::nvfs_status_flags
};

struct Route {
    uint32_t expected = TIO_ROUTE_UNKNOWN;
    uint32_t witnessed = TIO_ROUTE_UNKNOWN;
    RouteCounts trial;
    std::string why;
};

// The decision; `why` says which fact decided.
uint32_t expected_route(const RouteFacts& facts, std::string& why);
// What counters that moved during a read by this process say.
uint32_t witnessed_route(const RouteCounts& counts) noexcept;

// Whether the block device with this number, or one that it is made of, is NVMe.
bool is_nvme(uint64_t device_number, const std::string& sys = "/sys");

// `device`: ordinal of the GPU for a trial read, or negative for none. Throws Failure.
Route find_route(Driver& driver, File& file, int device);

}  // namespace tio::gds::cufile
