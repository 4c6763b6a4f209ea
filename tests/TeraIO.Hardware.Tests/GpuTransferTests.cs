using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using TeraIO.Cli.Doctor;
using TeraIO.Core.Interop;
using TeraIO.Core.Storage;
using TeraIO.Core.Transfers;

namespace TeraIO.Hardware.Tests;

public sealed class GpuTransferTests
{
    [Category("GPU")]
    [TestCase(BackendTrial.Staged, "staged")]
    [TestCase(BackendTrial.CuFile, "cufile")]
    public void Device_memory_goes_to_the_disk_and_comes_back_equal(uint backend, string name)
    {
        string path = HardwareStore.Require();
        using CudaDevice device = CudaDevice.Require();
        using GpuQueue queue = GpuQueue.Require(backend, name);
        using StoreDirectory own = StoreDirectory.Create(path, NullLogger.Instance);
        Assert.That(NativeMethods.Gds.FileOpen(own.StoreFilePath, GdsFileFlags.Create | GdsFileFlags.DirectRequired, out nint pointer), Is.EqualTo(TransferStatus.Ok), NativeMethods.Gds.LastError());
        using var file = new GdsFileHandle(pointer);
        foreach (int length in (int[])[4096, 1 << 20, (1 << 20) + 4096, 37 << 20])
        {
            byte[] bytes = RandomNumberGenerator.GetBytes(length);
            nint source = device.Allocate(length);
            nint target = device.Allocate(length);
            device.Put(source, bytes);
            device.Put(target, new byte[length]);
            queue.Move(TransferDirection.Write, file, source, offset: 8192, length);
            queue.Move(TransferDirection.Read, file, target, offset: 8192, length);
            Assert.That(device.Get(target, length).AsSpan().SequenceEqual(bytes), Is.True, $"{length} bytes through {name}");
        }
    }

    [Category("GDS")]
    [Test]
    public void On_a_machine_that_doctor_calls_set_up_bytes_take_the_direct_way()
    {
        string path = HardwareStore.Require();
        using CudaDevice device = CudaDevice.Require();
        using GpuQueue queue = GpuQueue.Require(BackendTrial.CuFile, "cufile");
        Finding verdict = MachineDoctor.Examine(Machine.Live(), [path]).Findings.Single(static f => f.Name == "GPU, direct");
        if (verdict.State != FindingState.Green) Assert.Ignore($"This machine is not set up for GPUDirect Storage: {verdict.Text}");
        using StoreDirectory own = StoreDirectory.Create(path, NullLogger.Instance);
        Assert.That(NativeMethods.Gds.FileOpen(own.StoreFilePath, GdsFileFlags.Create | GdsFileFlags.DirectRequired, out nint pointer), Is.EqualTo(TransferStatus.Ok));
        using var file = new GdsFileHandle(pointer);
        nint memory = device.Allocate(1 << 20);
        device.Put(memory, new byte[1 << 20]);
        queue.Move(TransferDirection.Write, file, memory, 0, 1 << 20);
        FileRoute route = FileRoute.Of(file, device: 0);
        if (route.Witnessed == FileRoute.Unknown) Assert.Ignore($"This libcufile has no counters to witness the way with; expected is {route.Expected}. {route.Why}");
        Assert.That(route.Witnessed, Is.EqualTo(FileRoute.NvidiaFs).Or.EqualTo(FileRoute.PciP2pDma), route.Why);
    }
}
