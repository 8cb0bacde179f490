-- What appservices are told of messages to devices: to_device_by_position.

create index to_device_by_position on to_device (position);
