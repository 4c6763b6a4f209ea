using System.Globalization;

namespace TeraIO.Cli.Doctor.Checks;

/// <summary>A PCIe link: gigatransfers per second and lanes, now and at most; 0 where sysfs does not tell.</summary>
internal readonly record struct PciLink(double Speed, int Width, double MostSpeed, int MostWidth)
{
    public bool IsKnown => Speed > 0 && Width > 0;

    /// <summary>Fewer lanes than the device has: a slot, riser or bifurcation setting, and unlike the speed never a matter of idling.</summary>
    public bool IsNarrow => IsKnown && Width < MostWidth;

    public bool IsSlow => IsKnown && Speed < MostSpeed;

    public static PciLink Of(MachineFiles files, string folder) => new(
        Gigatransfers(files.Read(folder + "/current_link_speed").Trimmed),
        Lanes(files.Read(folder + "/current_link_width").Trimmed),
        Gigatransfers(files.Read(folder + "/max_link_speed").Trimmed),
        Lanes(files.Read(folder + "/max_link_width").Trimmed));

    public override string ToString() => !IsKnown ? "link unknown"
        : IsNarrow || IsSlow ? string.Create(CultureInfo.InvariantCulture, $"PCIe {Speed:0.#} GT/s x{Width} (device: {MostSpeed:0.#} GT/s x{MostWidth})")
        : string.Create(CultureInfo.InvariantCulture, $"PCIe {Speed:0.#} GT/s x{Width}");

    private static double Gigatransfers(string text) =>
        double.TryParse(text.Split(' ')[0], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double speed) && speed is > 0 and < 10_000 ? speed : 0;

    private static int Lanes(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int width) && width is > 0 and <= 64 ? width : 0;
}
