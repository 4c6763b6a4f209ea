namespace TeraIO.Core.Transfers;

/// <summary>Which transfer goes first when the device has a queue. Within a priority the earlier deadline, then the earlier request wins.</summary>
public enum TransferPriority
{
    /// <summary>Somebody is stalled on it now.</summary>
    Urgent = 0,

    /// <summary>Planned work with a deadline ahead.</summary>
    Normal = 1,

    /// <summary>May wait for everything else.</summary>
    Background = 2,
}
