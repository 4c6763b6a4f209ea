using TeraIO.Cli.Doctor;

namespace TeraIO.Cli.Tests.Doctor;

/// <summary>A machine whose /proc, /sys and the like are files in a directory of its own, and whose trials have set results.</summary>
internal sealed class RecordedMachine : IDisposable
{
    private readonly Dictionary<string, string> _environment = new(StringComparer.Ordinal);

    public string Root { get; } = Directory.CreateTempSubdirectory("teraio-machine-").FullName;

    public RecordedTrials Trials { get; } = new();

    public RecordedMachine File(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Root + path)!);
        System.IO.File.WriteAllText(Root + path, text);
        return this;
    }

    public RecordedMachine Bytes(string path, byte[] bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Root + path)!);
        System.IO.File.WriteAllBytes(Root + path, bytes);
        return this;
    }

    public RecordedMachine Folder(string path)
    {
        Directory.CreateDirectory(Root + path);
        return this;
    }

    /// <summary>A link whose target is written as it is in sysfs, relative.</summary>
    public RecordedMachine Link(string path, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Root + path)!);
        System.IO.File.CreateSymbolicLink(Root + path, target);
        return this;
    }

    public RecordedMachine Variable(string name, string value)
    {
        _environment[name] = value;
        return this;
    }

    /// <summary>A PCI device below bridges, as sysfs lays it out.</summary>
    /// <param name="chain">Root and bridges, such as pci0000:00/0000:00:01.0.</param>
    /// <param name="address">Its own.</param>
    /// <param name="files">Its files: name and text.</param>
    public RecordedMachine Pci(string chain, string address, params (string Name, string Text)[] files)
    {
        string folder = $"/sys/devices/{chain}/{address}";
        foreach ((string name, string text) in files) File($"{folder}/{name}", text + "\n");
        return Link($"/sys/bus/pci/devices/{address}", $"../../../devices/{chain}/{address}");
    }

    public RecordedMachine Nvme(string chain, string address, int number, string mountPoint, string link = "16.0 GT/s PCIe", string lanes = "4", string fileSystem = "xfs", string options = "rw")
    {
        string device = $"/sys/devices/{chain}/{address}";
        string controller = $"{device}/nvme/nvme{number}";
        return Pci(chain, address, ("class", "0x010802"), ("vendor", "0x144d"), ("numa_node", "0"), ("current_link_speed", link), ("current_link_width", lanes), ("max_link_speed", "16.0 GT/s PCIe"), ("max_link_width", "4"))
            .File($"{controller}/model", "SAMSUNG MZWLO3T8HCLS-00A07\n")
            .File($"{controller}/transport", "pcie\n")
            .File($"{controller}/nvme{number}n1/size", "7501476528\n")
            .File($"{controller}/nvme{number}n1/queue/rotational", "0\n")
            .File($"{controller}/nvme{number}n1/queue/scheduler", "[none] mq-deadline\n")
            .File($"{controller}/nvme{number}n1/queue/logical_block_size", "512\n")
            .Link($"/sys/class/nvme/nvme{number}", $"../../devices/{chain}/{address}/nvme/nvme{number}")
            .Link($"/sys/class/block/nvme{number}n1", $"../../devices/{chain}/{address}/nvme/nvme{number}/nvme{number}n1")
            .Link($"/sys/dev/block/259:{number}", $"../../devices/{chain}/{address}/nvme/nvme{number}/nvme{number}n1")
            .Folder(mountPoint)
            .Mount($"259:{number}", mountPoint, fileSystem, $"/dev/nvme{number}n1", options);
    }

    public RecordedMachine Gpu(string chain, string address, string bar1First = "0x00000a0000000000", string bar1Last = "0x00000a1fffffffff", string lanes = "16") => Pci(
        chain,
        address,
        ("class", "0x030200"),
        ("vendor", "0x10de"),
        ("numa_node", "0"),
        ("current_link_speed", "16.0 GT/s PCIe"),
        ("current_link_width", lanes),
        ("max_link_speed", "32.0 GT/s PCIe"),
        ("max_link_width", "16"),
        ("resource", $"0x00000000d0000000 0x00000000d0ffffff 0x0000000000040200\n{bar1First} {bar1Last} 0x000000000014220c"));

    public RecordedMachine Mount(string device, string point, string type, string source, string options)
    {
        string path = Root + "/proc/self/mountinfo";
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        System.IO.File.AppendAllText(path, $"36 35 {device} / {point.Replace(" ", "\\040", StringComparison.Ordinal)} rw,relatime shared:1 - {type} {source} {options}\n");
        return this;
    }

    public Machine Machine() => new(new MachineFiles(Root), Trials, name => _environment.GetValueOrDefault(name));

    public MachineReport Examine(params string[] paths) => MachineDoctor.Examine(Machine(), paths);

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
