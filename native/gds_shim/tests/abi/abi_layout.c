/* The header as C11, and the layout that the managed declarations rely on. */
#include "tio_gds.h"

#define LAYOUT(condition) _Static_assert(condition, #condition)

LAYOUT(sizeof(tio_status) == 4);

LAYOUT(sizeof(tio_gds_file_info) == 40);
LAYOUT(offsetof(tio_gds_file_info, struct_size) == 0);
LAYOUT(offsetof(tio_gds_file_info, direct) == 4);
LAYOUT(offsetof(tio_gds_file_info, memory_alignment) == 8);
LAYOUT(offsetof(tio_gds_file_info, offset_alignment) == 12);
LAYOUT(offsetof(tio_gds_file_info, size) == 16);
LAYOUT(offsetof(tio_gds_file_info, free_bytes) == 24);
LAYOUT(offsetof(tio_gds_file_info, file_system) == 32);

LAYOUT(sizeof(tio_gds_queue_options) == 40);
LAYOUT(offsetof(tio_gds_queue_options, struct_size) == 0);
LAYOUT(offsetof(tio_gds_queue_options, backend) == 4);
LAYOUT(offsetof(tio_gds_queue_options, queue_depth) == 8);
LAYOUT(offsetof(tio_gds_queue_options, chunk_bytes) == 12);
LAYOUT(offsetof(tio_gds_queue_options, max_requests) == 16);
LAYOUT(offsetof(tio_gds_queue_options, bounce_chunks) == 20);
LAYOUT(offsetof(tio_gds_queue_options, device) == 24);
LAYOUT(offsetof(tio_gds_queue_options, reserved) == 28);
LAYOUT(offsetof(tio_gds_queue_options, pinned_bytes) == 32);

LAYOUT(sizeof(tio_gds_request) == 80);
LAYOUT(offsetof(tio_gds_request, struct_size) == 0);
LAYOUT(offsetof(tio_gds_request, op) == 4);
LAYOUT(offsetof(tio_gds_request, memory_kind) == 8);
LAYOUT(offsetof(tio_gds_request, buffer_index) == 12);
LAYOUT(offsetof(tio_gds_request, file) == 16);
LAYOUT(offsetof(tio_gds_request, memory) == 24);
LAYOUT(offsetof(tio_gds_request, offset) == 32);
LAYOUT(offsetof(tio_gds_request, length) == 40);
LAYOUT(offsetof(tio_gds_request, token) == 48);
LAYOUT(offsetof(tio_gds_request, priority) == 56);
LAYOUT(offsetof(tio_gds_request, reserved) == 60);
LAYOUT(offsetof(tio_gds_request, after) == 64);
LAYOUT(offsetof(tio_gds_request, signals) == 72);

LAYOUT(sizeof(tio_gds_gpu_options) == 16);
LAYOUT(offsetof(tio_gds_gpu_options, device) == 4);
LAYOUT(offsetof(tio_gds_gpu_options, waits) == 8);
LAYOUT(offsetof(tio_gds_gpu_options, reserved) == 12);

LAYOUT(sizeof(tio_gds_gpu_info) == 16);
LAYOUT(offsetof(tio_gds_gpu_info, device) == 4);
LAYOUT(offsetof(tio_gds_gpu_info, waits) == 8);
LAYOUT(offsetof(tio_gds_gpu_info, fences) == 12);

LAYOUT(sizeof(tio_gds_fence_state) == 16);
LAYOUT(offsetof(tio_gds_fence_state, state) == 4);
LAYOUT(offsetof(tio_gds_fence_state, status) == 8);
LAYOUT(offsetof(tio_gds_fence_state, sys_errno) == 12);

LAYOUT(sizeof(tio_gds_memory_range) == 24);
LAYOUT(offsetof(tio_gds_memory_range, memory) == 0);
LAYOUT(offsetof(tio_gds_memory_range, bytes) == 8);
LAYOUT(offsetof(tio_gds_memory_range, seed) == 16);

LAYOUT(sizeof(tio_gds_completion) == 32);
LAYOUT(offsetof(tio_gds_completion, token) == 0);
LAYOUT(offsetof(tio_gds_completion, bytes) == 8);
LAYOUT(offsetof(tio_gds_completion, latency_ns) == 16);
LAYOUT(offsetof(tio_gds_completion, status) == 24);
LAYOUT(offsetof(tio_gds_completion, sys_errno) == 28);

LAYOUT(sizeof(tio_gds_statistics) == 104);
LAYOUT(offsetof(tio_gds_statistics, struct_size) == 0);
LAYOUT(offsetof(tio_gds_statistics, in_flight_chunks) == 4);
LAYOUT(offsetof(tio_gds_statistics, queued_requests) == 8);
LAYOUT(offsetof(tio_gds_statistics, read_requests) == 16);
LAYOUT(offsetof(tio_gds_statistics, read_bytes) == 24);
LAYOUT(offsetof(tio_gds_statistics, read_nanoseconds) == 32);
LAYOUT(offsetof(tio_gds_statistics, write_requests) == 40);
LAYOUT(offsetof(tio_gds_statistics, write_bytes) == 48);
LAYOUT(offsetof(tio_gds_statistics, write_nanoseconds) == 56);
LAYOUT(offsetof(tio_gds_statistics, failed_requests) == 64);
LAYOUT(offsetof(tio_gds_statistics, canceled_requests) == 72);
LAYOUT(offsetof(tio_gds_statistics, short_transfers) == 80);
LAYOUT(offsetof(tio_gds_statistics, retried_transfers) == 88);
LAYOUT(offsetof(tio_gds_statistics, bounced_chunks) == 96);

LAYOUT(sizeof(tio_gds_cufile_options) == 64);
LAYOUT(offsetof(tio_gds_cufile_options, max_direct_io_bytes) == 16);
LAYOUT(offsetof(tio_gds_cufile_options, registration_budget_bytes) == 40);
LAYOUT(offsetof(tio_gds_cufile_options, log_directory) == 56);

LAYOUT(sizeof(tio_gds_cufile_info) == 96);
LAYOUT(offsetof(tio_gds_cufile_info, max_direct_io_bytes) == 32);
LAYOUT(offsetof(tio_gds_cufile_info, max_batch_entries) == 64);
LAYOUT(offsetof(tio_gds_cufile_info, registration_budget_bytes) == 88);

LAYOUT(sizeof(tio_gds_route) == 40);
LAYOUT(offsetof(tio_gds_route, witnessed) == 8);
LAYOUT(offsetof(tio_gds_route, p2pdma_reads) == 16);

LAYOUT(sizeof(tio_gds_cufile_statistics) == 104);
LAYOUT(offsetof(tio_gds_cufile_statistics, posix_writes) == 96);

/* Calls through C linkage as a C caller would. */
uint32_t abi_version_seen_by_c(void);
uint32_t abi_version_seen_by_c(void) {
    return tio_gds_abi_version();
}
