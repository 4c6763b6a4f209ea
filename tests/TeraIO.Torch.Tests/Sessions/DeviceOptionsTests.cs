using TeraIO.Core;
using TeraIO.Core.Leases;
using TeraIO.Core.Storage;
using TeraIO.Torch.Interop;

namespace TeraIO.Torch.Tests.Sessions;

/// <summary>Which options go together with tensors of which device.</summary>
public class DeviceOptionsTests
{
    private static readonly OffloadOptions _onGpu = new() { Device = TensorDevice.Cuda(1), MemoryBudget = ByteSize.FromMiB(64), StoragePaths = ["/a"] };

    private static IEnumerable<TestCaseData> Refused()
    {
        yield return new TestCaseData(_onGpu with { Backend = StorageBackend.IoUring }, new[] { "Backend is IoUring", "cuda:1", "Auto, Device, Staged or CuFile" });
        yield return new TestCaseData(_onGpu with { Backend = StorageBackend.Threads }, new[] { "Backend is Threads", "cuda:1" });
        yield return new TestCaseData(_onGpu with { HostMemory = new HostMemoryOptions { Budget = ByteSize.FromMiB(8), AllowOnCpu = true } }, new[] { "HostMemory", "cuda:1" });
        yield return new TestCaseData(_onGpu with { Device = TensorDevice.Cpu, ReadWaits = ReadWaits.InStream }, new[] { "ReadWaits is InStream", "cpu" });
        yield return new TestCaseData(_onGpu with { ReadWaits = ReadWaits.InStream, Leases = new LeaseOptions() }, new[] { "ReadWaits is InStream", "Leases are PerPath", "OnHost" });
        yield return new TestCaseData(_onGpu with { BlockCacheSize = ByteSize.FromMiB(1) }, new[] { "BlockCacheSize", "caching allocator" });
        yield return new TestCaseData(_onGpu with { Device = TensorDevice.Cpu, Backend = StorageBackend.Staged }, new[] { "Backend is Staged", "TensorDevice.Cuda" });
        yield return new TestCaseData(_onGpu with { Device = TensorDevice.Cpu, Backend = StorageBackend.CuFile }, new[] { "Backend is CuFile", "cpu" });
    }

    [TestCaseSource(nameof(Refused))]
    public void Contradictions_are_refused_by_name(object options, string[] expected)
    {
        var refused = Assert.Throws<ConfigurationException>(((OffloadOptions)options).Validate);

        foreach (string text in expected) Assert.That(refused!.Message, Does.Contain(text));
    }

    [TestCase(StorageBackend.Auto, StorageBackend.Device)]
    [TestCase(StorageBackend.Device, StorageBackend.Device)]
    [TestCase(StorageBackend.Staged, StorageBackend.Staged)]
    [TestCase(StorageBackend.CuFile, StorageBackend.CuFile)]
    public void A_device_has_a_store_of_its_memory_with_checksums_if_it_can(StorageBackend given, StorageBackend expected)
    {
        OffloadOptions options = _onGpu with { Backend = given };

        options.Validate();
        StoreOptions store = options.ToStoreOptions();
        ObserverOptions observer = options.ToObserverOptions();

        Assert.That((store.Backend, store.Device, store.VerifyReads), Is.EqualTo((expected, 1, (bool?)null)));
        Assert.That((observer.DeviceType, observer.DeviceIndex), Is.EqualTo((ObserverDevice.Cuda, 1)));
        Assert.That(store.Validate, Throws.Nothing);
    }

    [Test]
    public void Results_are_announced_where_they_have_to_be_held_back([Values] ReadWaits readWaits)
    {
        OffloadOptions options = _onGpu with { ReadWaits = readWaits, Leases = new LeaseOptions { Mode = LeaseMode.None } };

        options.Validate();

        Assert.That(options.ToObserverOptions().Flags, Is.EqualTo(readWaits == ReadWaits.InStream ? ObserverFlags.DeliverResults : ObserverFlags.None));
    }

    [TestCase(null)]
    [TestCase(true)]
    [TestCase(false)]
    public void On_the_cpu_nothing_changes(bool? verify)
    {
        OffloadOptions options = _onGpu with { Device = TensorDevice.Cpu, Backend = StorageBackend.Threads, VerifyReads = verify };

        options.Validate();
        StoreOptions store = options.ToStoreOptions();
        ObserverOptions observer = options.ToObserverOptions();

        Assert.That((store.Backend, store.Device, store.VerifyReads), Is.EqualTo((StorageBackend.Threads, 0, verify)));
        Assert.That((observer.DeviceType, observer.DeviceIndex), Is.EqualTo((ObserverDevice.Cpu, 0)));
    }

    [TestCase("cpu", false, -1, "cpu")]
    [TestCase("cuda", true, 0, "cuda:0")]
    [TestCase("cuda:3", true, 3, "cuda:3")]
    public void A_device_is_written_as_libtorch_writes_it(string text, bool isCuda, int ordinal, string written)
    {
        TensorDevice device = TensorDevice.Parse(text);

        Assert.That((device.IsCuda, device.CudaOrdinal, device.ToString()), Is.EqualTo((isCuda, ordinal, written)));
    }

    [TestCase("")]
    [TestCase("gpu")]
    [TestCase("cuda:")]
    [TestCase("cuda:-1")]
    [TestCase("cuda:1000")]
    [TestCase("cuda0")]
    public void What_is_no_device_is_refused(string text) =>
        Assert.That(() => TensorDevice.Parse(text), Throws.TypeOf<ConfigurationException>().With.Message.Contains($"'{text}'"));

    [Test]
    public void The_default_is_the_cpu() => Assert.That(new OffloadOptions().Device, Is.EqualTo(TensorDevice.Cpu));
}
