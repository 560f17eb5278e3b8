//! Settings of a topic, committed offsets and groups: `admin <broker address>`.

use std::process::ExitCode;

use rivven_client::Client;

const TOPIC: &str = "admin-rust";
const GROUP: &str = "admin-rust-readers";

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let Ok([address]) = <[String; 1]>::try_from(arguments) else {
        eprintln!("usage: admin <broker address>");
        return Ok(ExitCode::from(2));
    };
    let client = Client::connect(address).await?;
    client.create_topic(TOPIC, Some(2)).await?;

    // [settings
    client.alter_topic_config(TOPIC, &[("retention.ms", Some("86400000")), ("cleanup.policy", None)]).await?;
    let configs = client.describe_topic_configs(&[TOPIC]).await?;
    let retention = &configs[TOPIC]["retention.ms"];
    println!("retention.ms {}", retention.value);
    println!("partitions {}", client.create_partitions(TOPIC, 4).await?);
    // settings]

    // [offsets
    for value in ["one", "two", "three"] {
        client.publish_to_partition(TOPIC, 0, None::<&str>, value).await?;
    }
    client.commit_offset(GROUP, TOPIC, 0, 2).await?; // the next record to read
    let next = client.get_offset(GROUP, TOPIC, 0).await?.unwrap_or(0);
    for record in client.consume(TOPIC, 0, next, 10).await? {
        println!("{} {}", record.offset, record.value.escape_ascii());
    }
    // offsets]

    // [groups
    for group in client.list_groups().await? {
        for (topic, offsets) in client.describe_group(&group).await? {
            for (partition, offset) in offsets {
                println!("{group} {topic}/{partition} {offset}");
            }
        }
    }
    client.delete_group(GROUP).await?;
    // groups]

    // [delete
    for deleted in client.delete_records(TOPIC, &[(0, 2)]).await? {
        println!("partition {} begins at {}", deleted.partition, deleted.low_watermark);
    }
    client.delete_topic(TOPIC).await?;
    // delete]
    client.close().await;
    Ok(ExitCode::SUCCESS)
}
